/* config_keys: every key of the file, what may stand there, and where it goes. deploy/acmegate.yaml explains them to
 * operators: whoever adds one here explains it there. */
#include "gateway/address.h"
#include "gateway/config/tables.h"

#define A_WEB_URL "a URL that begins with https:// or http://"
#define BASE_URL                                                                                                       \
    "a URL that begins with https:// and has no final slash, query or user, such as https://acme.example.org"
#define A_DOMAIN "a domain name"

#define AT(member) offsetof(struct config, member)

static const struct config_word engines[] = {{"lmdb", CONFIG_LMDB}, {"postgresql", CONFIG_POSTGRESQL}, {0}};

static const struct config_key postgresql_keys[] = {
    {.name = "connection",
     .kind = CONFIG_TEXT,
     .at = AT(store.postgresql.connection),
     .check = config_is_text,
     .expected = "how libpq reaches a database, such as service=acmegate"},
    {.name = "schema",
     .kind = CONFIG_TEXT,
     .at = AT(store.postgresql.schema),
     .standard = "acmegate",
     .check = config_is_schema,
     .expected = "a name of at most 63 small letters, digits and _, which begins with a letter"},
    {.name = "writers",
     .kind = CONFIG_NUMBER,
     .at = AT(store.postgresql.writers),
     .standard = "1",
     .min = 1,
     .max = 16},
    {.name = "readers",
     .kind = CONFIG_NUMBER,
     .at = AT(store.postgresql.readers),
     .standard = "16",
     .min = 4,
     .max = 1000},
    {.name = "standby",
     .kind = CONFIG_SWITCH,
     .at = AT(store.postgresql.standby),
     .standard = "false",
     .words = yes_no},
    {.name = "share", .kind = CONFIG_SWITCH, .at = AT(store.postgresql.share), .standard = "false", .words = yes_no},
};
static const struct config_table postgresql_table = TABLE(postgresql_keys, struct config);

static const struct config_key store_keys[] = {
    {.name = "path",
     .kind = CONFIG_TEXT,
     .at = AT(store.path),
     .check = config_is_path,
     .expected = "the whole path, from /, of a folder for the store"},
    {.name = "map_size",
     .kind = CONFIG_SIZE,
     .at = AT(store.map_size),
     .standard = "16GiB",
     .min = MIB,
     .max = 64 * TIB,
     .expected = "a size from 1MiB to 64TiB, such as 512MiB or 16GiB"},
    {.name = "key_file",
     .kind = CONFIG_TEXT,
     .at = AT(store.key_file),
     .check = config_is_path,
     .expected = "the whole path, from /, of a file for the key that seals secrets"},
    {.name = "engine", .kind = CONFIG_WORD, .at = AT(store.engine), .standard = "lmdb", .words = engines},
    {.name = "postgresql", .kind = CONFIG_MAPPING, .table = &postgresql_table},
};
static const struct config_table store_table = TABLE(store_keys, struct config);

static const struct config_key acme_tls_keys[] = {
    {.name = "certificate", .kind = CONFIG_FILE, .at = AT(acme.tls.certificate), .expected = A_FILE},
    {.name = "key", .kind = CONFIG_FILE, .at = AT(acme.tls.key), .expected = A_FILE},
    {.name = "own", .kind = CONFIG_MAPPING, .table = &config_own},
};
static const struct config_table acme_tls_table = TABLE(acme_tls_keys, struct config);

static const struct config_word authorize_words[] = {{"auto", true}, {"manual", false}, {0}};
static const struct config_word account_words[] = {{"required", true}, {"optional", false}, {0}};

static const struct config_key limits_keys[] = {
    {.name = "address", .kind = CONFIG_NUMBER, .at = AT(acme.limits.address), .standard = "3000", .max = 1000000},
    {.name = "account", .kind = CONFIG_NUMBER, .at = AT(acme.limits.account), .standard = "1000", .max = 1000000},
    {.name = "external_key",
     .kind = CONFIG_NUMBER,
     .at = AT(acme.limits.external_key),
     .standard = "3000",
     .max = 1000000},
};
static const struct config_table limits_table = TABLE(limits_keys, struct config);

static const struct config_key refused_keys[] = {
    {.name = "blocked", .kind = CONFIG_FILE, .at = AT(acme.keys.blocked), .expected = A_FILE},
    {.name = "weak",
     .kind = CONFIG_FILE,
     .at = AT(acme.keys.weak),
     .folder = true,
     .expected = "a file or folder that can be read"},
};
static const struct config_table refused_table = TABLE(refused_keys, struct config);

static const struct config_key acme_keys[] = {
    {.name = "listen",
     .kind = CONFIG_LIST,
     .at = AT(acme.listen),
     .required = true,
     .check = config_is_listen,
     .expected = LISTEN_ADDRESSES},
    {.name = "url",
     .kind = CONFIG_TEXT,
     .at = AT(acme.url),
     .required = true,
     .check = config_is_base_url,
     .expected = BASE_URL},
    {.name = "tls", .kind = CONFIG_MAPPING, .required = true, .table = &acme_tls_table},
    {.name = "threads", .kind = CONFIG_NUMBER, .at = AT(acme.threads), .restart = true, .standard = "0", .max = 256},
    {.name = "connections",
     .kind = CONFIG_NUMBER,
     .at = AT(acme.connections),
     .standard = "10000",
     .min = 10,
     .max = 1000000},
    {.name = "connections_per_address",
     .kind = CONFIG_NUMBER,
     .at = AT(acme.connections_per_address),
     .standard = "2500",
     .max = 1000000},
    {.name = "external_account",
     .kind = CONFIG_SWITCH,
     .at = AT(acme.external_account_required),
     .standard = "required",
     .words = account_words},
    {.name = "terms_of_service",
     .kind = CONFIG_TEXT,
     .at = AT(acme.terms_of_service),
     .check = config_is_web_url,
     .expected = A_WEB_URL},
    {.name = "website", .kind = CONFIG_TEXT, .at = AT(acme.website), .check = config_is_web_url, .expected = A_WEB_URL},
    {.name = "caa_identities",
     .kind = CONFIG_LIST,
     .at = AT(acme.caa_identities),
     .check = config_is_domain,
     .expected = A_DOMAIN},
    {.name = "identifiers_max",
     .kind = CONFIG_NUMBER,
     .at = AT(acme.identifiers_max),
     .standard = "100",
     .min = 1,
     .max = 100},
    {.name = "order_lifetime",
     .kind = CONFIG_S,
     .at = AT(acme.order_lifetime_s),
     .standard = "7d",
     .min = SECOND,
     .max = 90 * DAY},
    {.name = "authorization_lifetime",
     .kind = CONFIG_S,
     .at = AT(acme.authorization_lifetime_s),
     .standard = "30d",
     .max = 400 * DAY},
    {.name = "hold_finalize",
     .kind = CONFIG_MS,
     .at = AT(acme.hold_finalize_ms),
     .standard = "20s",
     .max = 25 * SECOND},
    {.name = "hold_challenge",
     .kind = CONFIG_MS,
     .at = AT(acme.hold_challenge_ms),
     .standard = "2s",
     .max = 25 * SECOND},
    {.name = "trusted_proxies",
     .kind = CONFIG_LIST,
     .at = AT(acme.proxies.trusted),
     .check = address_is_prefix,
     .expected = "an address or a prefix, such as 10.0.0.7 or 10.0.0.0/8"},
    {.name = "proxy_protocol",
     .kind = CONFIG_SWITCH,
     .at = AT(acme.proxies.protocol),
     .standard = "false",
     .words = yes_no},
    {.name = "limits", .kind = CONFIG_MAPPING, .table = &limits_table},
    {.name = "keys", .kind = CONFIG_MAPPING, .table = &refused_table},
};
static const struct config_table acme_table = TABLE(acme_keys, struct config);

static const struct config_key public_tls_keys[] = {
    {.name = "certificate",
     .kind = CONFIG_FILE,
     .at = AT(public.tls.certificate),
     .required = true,
     .expected = A_FILE},
    {.name = "key", .kind = CONFIG_FILE, .at = AT(public.tls.key), .required = true, .expected = A_FILE},
};
static const struct config_table public_tls_table = TABLE(public_tls_keys, struct config);

static const struct config_key push_keys[] = {
    {.name = "path",
     .kind = CONFIG_TEXT,
     .at = AT(public.push.path),
     .standard = "/push/sectigo",
     .check = config_is_url_path,
     .expected = "the path of a URL, such as /push/sectigo"},
    {.name = "user",
     .kind = CONFIG_TEXT,
     .at = AT(public.push.user),
     .check = config_is_user,
     .expected = "a user name without a colon"},
    {.name = "password_file", .kind = CONFIG_SECRET, .at = AT(public.push.password), .expected = A_FILE},
    {.name = "allow",
     .kind = CONFIG_LIST,
     .at = AT(public.push.allow),
     .standard = "91.199.212.132",
     .check = address_is_prefix,
     .expected = "an address or a prefix, such as 91.199.212.132 or 10.0.0.0/8"},
};
static const struct config_table push_table = TABLE(push_keys, struct config);

static const struct config_key public_keys[] = {
    {.name = "listen",
     .kind = CONFIG_LIST,
     .at = AT(public.listen),
     .required = true,
     .check = config_is_listen,
     .expected = LISTEN_ADDRESSES},
    {.name = "tls", .kind = CONFIG_MAPPING, .table = &public_tls_table},
    {.name = "connections",
     .kind = CONFIG_NUMBER,
     .at = AT(public.connections),
     .standard = "2000",
     .min = 10,
     .max = 1000000},
    {.name = "connections_per_address",
     .kind = CONFIG_NUMBER,
     .at = AT(public.connections_per_address),
     .standard = "0",
     .max = 1000000},
    {.name = "trusted_proxies",
     .kind = CONFIG_LIST,
     .at = AT(public.proxies.trusted),
     .check = address_is_prefix,
     .expected = "an address or a prefix, such as 10.0.0.7 or 10.0.0.0/8"},
    {.name = "proxy_protocol",
     .kind = CONFIG_SWITCH,
     .at = AT(public.proxies.protocol),
     .standard = "false",
     .words = yes_no},
    {.name = "push", .kind = CONFIG_MAPPING, .table = &push_table},
};
static const struct config_table public_table = TABLE(public_keys, struct config);

static const struct config_key metrics_tls_keys[] = {
    {.name = "certificate",
     .kind = CONFIG_FILE,
     .at = AT(metrics.tls.certificate),
     .required = true,
     .expected = A_FILE},
    {.name = "key", .kind = CONFIG_FILE, .at = AT(metrics.tls.key), .required = true, .expected = A_FILE},
};
static const struct config_table metrics_tls_table = TABLE(metrics_tls_keys, struct config);

static const struct config_key metrics_keys[] = {
    {.name = "listen",
     .kind = CONFIG_LIST,
     .at = AT(metrics.listen),
     .required = true,
     .check = config_is_listen,
     .expected = LISTEN_ADDRESSES},
    {.name = "tls", .kind = CONFIG_MAPPING, .table = &metrics_tls_table},
};
static const struct config_table metrics_table = TABLE(metrics_keys, struct config);

static const struct config_word challenges[] = {
    {"http-01", AT(validation.http_01)},
    {"dns-01", AT(validation.dns_01)},
    {"tls-alpn-01", AT(validation.tls_alpn_01)},
    {"dns-account-01", AT(validation.dns_account_01)},
    {"dns-persist-01", AT(validation.dns_persist_01)},
    {0},
};

static const struct config_key validation_keys[] = {
    {.name = "challenges", .kind = CONFIG_WORDS, .words = challenges, .min = 3},
    {.name = "resolvers",
     .kind = CONFIG_LIST,
     .at = AT(validation.resolvers),
     .check = config_is_resolver,
     .expected = "the address of a resolver, such as 10.0.0.53 or 127.0.0.1@5353"},
    {.name = "trust_anchor", .kind = CONFIG_FILE, .at = AT(validation.trust_anchor), .expected = A_FILE},
    {.name = "insecure_zones",
     .kind = CONFIG_LIST,
     .at = AT(validation.insecure_zones),
     .check = config_is_domain,
     .expected = A_DOMAIN},
    {.name = "deny",
     .kind = CONFIG_LIST,
     .at = AT(validation.deny),
     .check = address_is_prefix,
     .expected = "an address or a prefix, such as 10.0.0.0/8"},
    {.name = "allow",
     .kind = CONFIG_LIST,
     .at = AT(validation.allow),
     .check = address_is_prefix,
     .expected = "an address or a prefix, such as 127.0.0.1"},
    {.name = "private_zones",
     .kind = CONFIG_LIST,
     .at = AT(validation.private_zones),
     .check = config_is_domain,
     .expected = A_DOMAIN},
    {.name = "http_port", .kind = CONFIG_PORT, .at = AT(validation.http_port), .standard = "80"},
    {.name = "tls_port", .kind = CONFIG_PORT, .at = AT(validation.tls_port), .standard = "443"},
    {.name = "timeout",
     .kind = CONFIG_MS,
     .at = AT(validation.timeout_ms),
     .standard = "20s",
     .min = 100,
     .max = 2 * MINUTE},
};
static const struct config_table validation_table = TABLE(validation_keys, struct config);

static const struct config_word ip_methods[] = {
    {"http", CONFIG_IP_HTTP},
    {"ip_address_pre", CONFIG_IP_ADDRESS_PRE},
    {0},
};

static const struct config_word preflights[] = {
    {"enforce", CONFIG_PREFLIGHT_ENFORCE},
    {"warn", CONFIG_PREFLIGHT_WARN},
    {"off", CONFIG_PREFLIGHT_OFF},
    {0},
};

static const struct config_key hook_keys[] = {
    {.name = "program", .kind = CONFIG_FILE, .at = AT(dcv.hook.program), .expected = A_FILE},
    {.name = "timeout",
     .kind = CONFIG_MS,
     .at = AT(dcv.hook.timeout_ms),
     .standard = "60s",
     .min = 100,
     .max = 10 * MINUTE},
};
static const struct config_table hook_table = TABLE(hook_keys, struct config);

#undef AT
#define AT(member) offsetof(struct config_dcv_zone, member)

static const struct config_word tsig_algorithms[] = {
    {"hmac-sha256", CONFIG_TSIG_SHA256},
    {"hmac-sha512", CONFIG_TSIG_SHA512},
    {0},
};

static const struct config_key zone_keys[] = {
    {.name = "zone",
     .kind = CONFIG_TEXT,
     .at = AT(zone),
     .required = true,
     .check = config_is_domain,
     .expected = A_DOMAIN},
    {.name = "server",
     .kind = CONFIG_TEXT,
     .at = AT(server),
     .check = config_is_resolver,
     .expected = "the address of the zone's primary server, such as 192.0.2.53 or 192.0.2.53@5353"},
    {.name = "tsig_name", .kind = CONFIG_TEXT, .at = AT(tsig_name), .check = config_is_domain, .expected = A_DOMAIN},
    {.name = "tsig_algorithm",
     .kind = CONFIG_WORD,
     .at = AT(tsig_algorithm),
     .standard = "hmac-sha256",
     .words = tsig_algorithms},
    {.name = "tsig_secret_file", .kind = CONFIG_SECRET, .at = AT(tsig_secret), .expected = A_FILE},
};
static const struct config_table zone_table = TABLE(zone_keys, struct config_dcv_zone);

#undef AT
#define AT(member) offsetof(struct config, member)

static const struct config_key dcv_keys[] = {
    {.name = "methods",
     .kind = CONFIG_LIST,
     .at = AT(dcv.methods),
     .standard = "http",
     .check = config_is_dcv_method,
     .expected = "one of http, cname"},
    {.name = "ip_method", .kind = CONFIG_WORD, .at = AT(dcv.ip_method), .standard = "http", .words = ip_methods},
    {.name = "zones",
     .kind = CONFIG_RECORDS,
     .at = AT(dcv.zones),
     .count_at = AT(dcv.zone_count),
     .table = &zone_table},
    {.name = "hook", .kind = CONFIG_MAPPING, .table = &hook_table},
    {.name = "resolvers",
     .kind = CONFIG_LIST,
     .at = AT(dcv.resolvers),
     .check = config_is_resolver,
     .expected = "the address of a resolver, such as 9.9.9.9 or 127.0.0.1@5353"},
    {.name = "trust_anchor", .kind = CONFIG_FILE, .at = AT(dcv.trust_anchor), .expected = A_FILE},
    {.name = "insecure_zones",
     .kind = CONFIG_LIST,
     .at = AT(dcv.insecure_zones),
     .check = config_is_domain,
     .expected = A_DOMAIN},
    {.name = "http_proxy",
     .kind = CONFIG_TEXT,
     .at = AT(dcv.http_proxy),
     .check = config_is_web_url,
     .expected = "the URL of a proxy, such as http://proxy.example.net:3128"},
    {.name = "global",
     .kind = CONFIG_LIST,
     .at = AT(dcv.global),
     .check = address_is_prefix,
     .expected = "an address or a prefix, such as 203.0.113.7 or 10.0.0.0/8"},
    {.name = "caa_identities",
     .kind = CONFIG_LIST,
     .at = AT(dcv.caa_identities),
     .check = config_is_domain,
     .expected = A_DOMAIN},
    {.name = "http_port", .kind = CONFIG_PORT, .at = AT(dcv.http_port), .standard = "80"},
    {.name = "preflight", .kind = CONFIG_WORD, .at = AT(dcv.preflight), .standard = "enforce", .words = preflights},
    {.name = "preflight_retry",
     .kind = CONFIG_MS,
     .at = AT(dcv.preflight_retry_ms),
     .standard = "30s",
     .min = 100,
     .max = DAY},
    {.name = "nudge_after", .kind = CONFIG_MS, .at = AT(dcv.nudge_after_ms), .standard = "10s", .max = DAY},
};
static const struct config_table dcv_table = TABLE(dcv_keys, struct config);

static const struct config_key issuance_keys[] = {
    {.name = "settle_again",
     .kind = CONFIG_MS,
     .at = AT(issuance.settle_again_ms),
     .standard = "5m",
     .min = 100,
     .max = DAY},
    {.name = "resend", .kind = CONFIG_MS, .at = AT(issuance.resend_ms), .standard = "15m", .min = 100, .max = DAY},
    {.name = "settle_give_up",
     .kind = CONFIG_MS,
     .at = AT(issuance.settle_give_up_ms),
     .standard = "1d",
     .min = 100,
     .max = 40 * DAY},
    {.name = "check_interval",
     .kind = CONFIG_MS,
     .at = AT(issuance.check_interval_ms),
     .standard = "1d",
     .min = 100,
     .max = 40 * DAY},
    {.name = "later", .kind = CONFIG_MS, .at = AT(issuance.later_ms), .standard = "60s", .min = 100, .max = HOUR},
    {.name = "queue", .kind = CONFIG_NUMBER, .at = AT(issuance.queue), .standard = "64", .min = 1, .max = 1000},
    {.name = "superseded_after",
     .kind = CONFIG_MS,
     .at = AT(issuance.superseded_after_ms),
     .standard = "1h",
     .min = 1000,
     .max = 30 * DAY},
};
static const struct config_table issuance_table = TABLE(issuance_keys, struct config);

static const struct config_key spending_keys[] = {
    {.name = "currency",
     .kind = CONFIG_TEXT,
     .at = AT(spending.currency),
     .standard = "EUR",
     .check = config_is_currency,
     .expected = "three capital letters, such as EUR"},
    {.name = "purchases_per_day",
     .kind = CONFIG_NUMBER,
     .at = AT(spending.purchases_per_day),
     .standard = "0",
     .max = PURCHASES_MAX},
    {.name = "purchases_per_month",
     .kind = CONFIG_NUMBER,
     .at = AT(spending.purchases_per_month),
     .standard = "0",
     .max = PURCHASES_MAX},
    {.name = "amount_per_day",
     .kind = CONFIG_MONEY,
     .at = AT(spending.amount_per_day_cents),
     .standard = "0",
     .max = CENTS_MAX},
    {.name = "amount_per_month",
     .kind = CONFIG_MONEY,
     .at = AT(spending.amount_per_month_cents),
     .standard = "0",
     .max = CENTS_MAX},
};
static const struct config_table spending_table = TABLE(spending_keys, struct config);

#undef AT
#define AT(member) offsetof(struct config_login, member)

static const struct config_key login_keys[] = {
    {.name = "name",
     .kind = CONFIG_TEXT,
     .at = AT(name),
     .required = true,
     .check = config_is_name,
     .expected = A_NAME},
    {.name = "url",
     .kind = CONFIG_TEXT,
     .at = AT(url),
     .standard = "https://secure.trust-provider.com",
     .check = config_is_origin,
     .expected = "https:// and a host, with a port where needed and nothing behind it, such as "
                 "https://secure.trust-provider.com"},
    {.name = "login",
     .kind = CONFIG_TEXT,
     .at = AT(login),
     .check = config_is_text,
     .expected = "the login name of the partner account"},
    {.name = "password_file", .kind = CONFIG_SECRET, .at = AT(password), .expected = A_FILE},
    {.name = "client_certificate", .kind = CONFIG_FILE, .at = AT(client_certificate), .expected = A_FILE},
    {.name = "client_key", .kind = CONFIG_FILE, .at = AT(client_key), .expected = A_FILE},
    {.name = "ca_file", .kind = CONFIG_FILE, .at = AT(ca_file), .expected = A_FILE},
    {.name = "trust_anchors", .kind = CONFIG_FILE, .at = AT(trust_anchors), .required = true, .expected = A_FILE},
    {.name = "proxy", .kind = CONFIG_TEXT, .at = AT(proxy), .check = config_is_web_url, .expected = A_WEB_URL},
    {.name = "low_credit", .kind = CONFIG_MONEY, .at = AT(low_credit_cents), .standard = "0", .max = CENTS_MAX},
    {.name = "test", .kind = CONFIG_SWITCH, .at = AT(test), .standard = "false", .words = yes_no},
    {.name = "calls_per_minute", .kind = CONFIG_NUMBER, .at = AT(calls_per_minute), .standard = "1200", .max = 1000000},
    {.name = "authorize", .kind = CONFIG_SWITCH, .at = AT(authorize), .standard = "manual", .words = authorize_words},
    {.name = "report_foreign_order_number",
     .kind = CONFIG_SWITCH,
     .at = AT(report_foreign_order_number),
     .standard = "true",
     .words = yes_no},
    {.name = "replace_foreign_order_number",
     .kind = CONFIG_SWITCH,
     .at = AT(replace_foreign_order_number),
     .standard = "true",
     .words = yes_no},
    {.name = "connect_timeout",
     .kind = CONFIG_MS,
     .at = AT(connect_timeout_ms),
     .standard = "30s",
     .min = 100,
     .max = 10 * MINUTE},
    {.name = "timeout", .kind = CONFIG_MS, .at = AT(timeout_ms), .standard = "120s", .min = 100, .max = 10 * MINUTE},
};
static const struct config_table login_table = TABLE(login_keys, struct config_login);

#undef AT
#define AT(member) offsetof(struct config, member)

static const struct config_word log_levels[] = {{"debug", true}, {"info", false}, {0}};

static const struct config_word log_formats[] = {
    {"json", CONFIG_LOG_JSON}, {"rfc5424", CONFIG_LOG_RFC5424}, {"journal", CONFIG_LOG_JOURNAL}, {0}};

static const struct config_key root_keys[] = {
    {.name = "instance",
     .restart = true,
     .kind = CONFIG_TEXT,
     .at = AT(instance),
     .standard = "a",
     .check = config_is_instance,
     .expected = "1 to 8 letters or digits"},
    {.name = "log", .kind = CONFIG_SWITCH, .at = AT(debug), .standard = "info", .words = log_levels},
    {.name = "log_format", .kind = CONFIG_WORD, .at = AT(log_format), .standard = "json", .words = log_formats},
    {.name = "log_requests", .kind = CONFIG_SWITCH, .at = AT(log_requests), .standard = "false", .words = yes_no},
    {.name = "confine",
     .kind = CONFIG_SWITCH,
     .at = AT(confine),
     .restart = true,
     .standard = "true",
     .words = yes_no},
    {.name = "store", .kind = CONFIG_MAPPING, .required = true, .restart = true, .table = &store_table},
    {.name = "acme", .kind = CONFIG_MAPPING, .required = true, .table = &acme_table},
    {.name = "public", .kind = CONFIG_MAPPING, .required = true, .table = &public_table},
    {.name = "metrics", .kind = CONFIG_MAPPING, .table = &metrics_table},
    {.name = "admin", .kind = CONFIG_MAPPING, .table = &config_admin},
    {.name = "validation", .kind = CONFIG_MAPPING, .table = &validation_table},
    {.name = "dcv", .kind = CONFIG_MAPPING, .table = &dcv_table},
    {.name = "issuance", .kind = CONFIG_MAPPING, .table = &issuance_table},
    {.name = "spending", .kind = CONFIG_MAPPING, .table = &spending_table},
    {.name = "backup", .kind = CONFIG_MAPPING, .table = &config_backup},
    {.name = "housekeeping", .kind = CONFIG_MAPPING, .table = &config_housekeeping},
    {.name = "notify", .kind = CONFIG_MAPPING, .table = &config_notify},
    {.name = "logins",
     .kind = CONFIG_RECORDS,
     .at = AT(logins),
     .count_at = AT(login_count),
     .required = true,
     .table = &login_table},
    {.name = "profiles",
     .kind = CONFIG_RECORDS,
     .at = AT(profiles),
     .count_at = AT(profile_count),
     .required = true,
     .table = &config_profile},
    {.name = "default_profile",
     .kind = CONFIG_TEXT,
     .at = AT(default_profile),
     .check = config_is_name,
     .expected = "the name of a profile"},
};

const struct config_table config_root = TABLE(root_keys, struct config);
