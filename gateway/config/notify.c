/* config_notify: the keys of who is told what; the rest of the file is in keys.c. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "gateway/config/tables.h"

#define A_FILE "a file that can be read"

/* ---- what may stand there ---- */

static bool is_target_name(const char *text)
{
    return config_is_name(text) && strlen(text) <= CONFIG_TARGET_MAX;
}

static bool is_host(const char *text)
{
    struct in_addr address;
    return inet_pton(AF_INET, text, &address) == 1 || config_is_domain(text);
}

/* HOST or HOST:PORT. */
static bool is_mail_server(const char *text)
{
    char host[256];
    uint64_t port = 1;
    size_t len = strcspn(text, ":");
    if (len >= sizeof host || (text[len] == ':' && !config_number(text + len + 1, &port)))
        return false;
    memcpy(host, text, len);
    host[len] = '\0';
    return is_host(host) && port > 0 && port <= UINT16_MAX;
}

/* ---- one target ---- */

#define AT(member) offsetof(struct config_target, member)

static const struct config_word formats[] = {{"json", CONFIG_FORMAT_JSON},
                                             {"slack", CONFIG_FORMAT_SLACK},
                                             {"teams", CONFIG_FORMAT_TEAMS},
                                             {"mattermost", CONFIG_FORMAT_MATTERMOST},
                                             {0}};

static const struct config_key webhook_keys[] = {
    {.name = "url",
     .kind = CONFIG_TEXT,
     .at = AT(webhook.url),
     .check = config_is_web_url,
     .expected = "a URL that begins with https:// or http://"},
    {.name = "url_file", .kind = CONFIG_SECRET, .at = AT(webhook.secret_url), .expected = A_FILE},
    {.name = "format", .kind = CONFIG_WORD, .at = AT(webhook.format), .standard = "json", .words = formats},
    {.name = "signing_key_file", .kind = CONFIG_SECRET, .at = AT(webhook.signing_key), .expected = A_FILE},
    {.name = "ca_file", .kind = CONFIG_FILE, .at = AT(webhook.ca_file), .expected = A_FILE},
    {.name = "proxy",
     .kind = CONFIG_TEXT,
     .at = AT(webhook.proxy),
     .check = config_is_web_url,
     .expected = "a URL that begins with https:// or http://"},
};
static const struct config_table webhook_table = TABLE(webhook_keys, struct config_target);

static const struct config_word securities[] = {
    {"starttls", CONFIG_MAIL_STARTTLS}, {"tls", CONFIG_MAIL_TLS}, {"none", CONFIG_MAIL_PLAIN}, {0}};

static const struct config_key mail_keys[] = {
    {.name = "server",
     .kind = CONFIG_TEXT,
     .at = AT(mail.server),
     .required = true,
     .check = is_mail_server,
     .expected = "a mail server, such as mail.example.org or mail.example.org:587"},
    {.name = "security", .kind = CONFIG_WORD, .at = AT(mail.security), .standard = "starttls", .words = securities},
    {.name = "ca_file", .kind = CONFIG_FILE, .at = AT(mail.ca_file), .expected = A_FILE},
    {.name = "user",
     .kind = CONFIG_TEXT,
     .at = AT(mail.user),
     .check = config_is_text,
     .expected = "the user whom the mail server knows"},
    {.name = "password_file", .kind = CONFIG_SECRET, .at = AT(mail.password), .expected = A_FILE},
    {.name = "from",
     .kind = CONFIG_TEXT,
     .at = AT(mail.from),
     .required = true,
     .check = config_is_email,
     .expected = "an e-mail address"},
    {.name = "to", .kind = CONFIG_LIST, .at = AT(mail.to), .check = config_is_email, .expected = "an e-mail address"},
    {.name = "policy_contacts",
     .kind = CONFIG_SWITCH,
     .at = AT(mail.policy_contacts),
     .standard = "true",
     .words = yes_no},
};
static const struct config_table mail_table = TABLE(mail_keys, struct config_target);

static const struct config_word events[] = {
    {"purchase", AT(events[CONFIG_EVENT_PURCHASE])}, {"limit", AT(events[CONFIG_EVENT_LIMIT])},
    {"credit", AT(events[CONFIG_EVENT_CREDIT])},     {"held", AT(events[CONFIG_EVENT_HELD])},
    {"blocked", AT(events[CONFIG_EVENT_BLOCKED])},   {"login", AT(events[CONFIG_EVENT_LOGIN])},
    {"drift", AT(events[CONFIG_EVENT_DRIFT])},       {"revoked", AT(events[CONFIG_EVENT_REVOKED])},
    {"expiring", AT(events[CONFIG_EVENT_EXPIRING])}, {"push", AT(events[CONFIG_EVENT_PUSH])},
    {"tls", AT(events[CONFIG_EVENT_TLS])},           {0},
};
_Static_assert(sizeof events / sizeof *events == CONFIG_EVENTS + 1, "each event has a word");

const char *config_event_text(enum config_event event)
{
    return events[event].word;
}

static const struct config_key target_keys[] = {
    {.name = "name",
     .kind = CONFIG_TEXT,
     .at = AT(name),
     .required = true,
     .check = is_target_name,
     .expected = "a name of up to 32 letters, digits, '-', '_' or '.'"},
    {.name = "events", .kind = CONFIG_WORDS, .words = events, .min = CONFIG_EVENTS},
    {.name = "webhook", .kind = CONFIG_MAPPING, .table = &webhook_table},
    {.name = "mail", .kind = CONFIG_MAPPING, .table = &mail_table},
    {.name = "program", .kind = CONFIG_FILE, .at = AT(program), .expected = A_FILE},
    {.name = "timeout", .kind = CONFIG_MS, .at = AT(timeout_ms), .standard = "30s", .min = 100, .max = 10 * MINUTE},
};
static const struct config_table target_table = TABLE(target_keys, struct config_target);

/* ---- all of it ---- */

#undef AT
#define AT(member) offsetof(struct config, member)

static const struct config_key notify_keys[] = {
    {.name = "look_every", .kind = CONFIG_MS, .at = AT(notify.look_ms), .standard = "30s", .min = 100, .max = HOUR},
    {.name = "collect", .kind = CONFIG_MS, .at = AT(notify.collect_ms), .standard = "5m", .max = DAY},
    {.name = "retry", .kind = CONFIG_MS, .at = AT(notify.retry_ms), .standard = "30s", .min = 100, .max = HOUR},
    {.name = "purchase_over",
     .kind = CONFIG_MONEY,
     .at = AT(notify.purchase_over_cents),
     .standard = "500",
     .max = CENTS_MAX},
    {.name = "limit_percent",
     .kind = CONFIG_NUMBER,
     .at = AT(notify.limit_percent),
     .standard = "80",
     .min = 1,
     .max = 100},
    {.name = "stuck_after", .kind = CONFIG_MS, .at = AT(notify.stuck_after_ms), .standard = "10m", .max = 7 * DAY},
    {.name = "expiring", .kind = CONFIG_S, .at = AT(notify.expiring_s), .standard = "14d", .max = 400 * DAY},
    {.name = "targets",
     .kind = CONFIG_RECORDS,
     .at = AT(notify.targets),
     .count_at = AT(notify.target_count),
     .table = &target_table},
};
const struct config_table config_notify = TABLE(notify_keys, struct config);

/* ---- what no single key can tell ---- */

static bool check_webhook(struct config_reading *r, const struct config_webhook *webhook, const char *path)
{
    char at[CONFIG_PATH_MAX];
    config_join(at, path, "webhook");
    if (webhook->url && webhook->secret_url)
        return config_fail(r, at, "has a url and a url_file; one of them says where");
    if (webhook->secret_url && !config_is_web_url(webhook->secret_url)) {
        config_join(at, path, "webhook.url_file");
        return config_fail(r, at, "does not hold a URL that begins with https:// or http://");
    }
    return true;
}

static bool check_mail(struct config_reading *r, const struct config_mail *mail, const char *path)
{
    char at[CONFIG_PATH_MAX];
    config_join(at, path, "mail");
    if ((mail->user == NULL) != (mail->password == NULL))
        return config_fail(r, at, "needs both user and password_file, or neither");
    if (mail->user && mail->security == CONFIG_MAIL_PLAIN)
        return config_fail(r, at, "would send its password in the clear; set security to starttls or tls");
    if (mail->to.count == 0 && !mail->policy_contacts)
        return config_fail(r, at, "has nobody in \"to\", and policy_contacts is false: nobody would be told");
    return true;
}

static bool check_target(struct config_reading *r, const struct config_target *target, const char *path)
{
    char at[CONFIG_PATH_MAX];
    unsigned ways = config_webhook_url(target) != NULL;
    ways += target->mail.server != NULL;
    ways += target->program != NULL;
    if (ways != 1)
        return config_fail(r, path, "needs one of webhook (with its url), mail and program, and no other");
    config_join(at, path, "program");
    if (target->program && access(target->program, X_OK) != 0)
        return config_fail(r, at, "\"%.200s\" cannot be run: %s", target->program, strerror(errno));
    return check_webhook(r, &target->webhook, path) && (!target->mail.server || check_mail(r, &target->mail, path));
}

bool config_check_notify(struct config_reading *r, const struct config *config)
{
    char path[CONFIG_PATH_MAX];
    for (unsigned i = 0; i < config->notify.target_count; i++) {
        const struct config_target *target = &config->notify.targets[i];
        snprintf(path, sizeof path, "notify.targets[%u]", i + 1);
        if (config_target_named(config, target->name) != target)
            return config_fail(r, path, "\"%s\" is the name of an earlier target; each must have its own",
                               target->name);
        if (!check_target(r, target, path))
            return false;
    }
    return true;
}

const struct config_target *config_target_named(const struct config *config, const char *name)
{
    for (unsigned i = 0; i < config->notify.target_count; i++)
        if (strcmp(config->notify.targets[i].name, name) == 0)
            return &config->notify.targets[i];
    return NULL;
}

const char *config_webhook_url(const struct config_target *target)
{
    return target->webhook.secret_url ? target->webhook.secret_url : target->webhook.url;
}
