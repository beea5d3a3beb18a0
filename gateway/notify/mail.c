/* mail: a message by SMTP (RFC 5321), as text (RFC 5322, quoted-printable). */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/rand.h>

#include "gateway/notify/transfer.h"

enum { TO_SIZE = 4096, URL_SIZE = 400 };

static bool add_recipient(struct transfer_of *t, const char *address)
{
    char text[300];
    snprintf(text, sizeof text, "<%.280s>", address);
    struct curl_slist *longer = curl_slist_append(t->to, text);
    t->to = longer ? longer : t->to;
    return longer != NULL;
}

/* All who get it see each other; only the first ones stand in the header where they are many. */
static bool add_recipients(struct transfer_of *t, const struct config_mail *mail, const char *to)
{
    char header[TO_SIZE] = "";
    size_t used = 0;
    bool good = !to || add_recipient(t, to);
    for (unsigned i = 0; good && !to && i < mail->to.count; i++) {
        size_t len = strlen(mail->to.list[i]);
        good = add_recipient(t, mail->to.list[i]);
        if (used + len + 3 < sizeof header)
            used += (size_t)snprintf(header + used, sizeof header - used, "%s%s", used ? ", " : "", mail->to.list[i]);
    }
    return good && transfer_add_header(t, "To: %s", to ? to : header);
}

/* Date and Message-ID are the sender's to make. */
static bool add_stamps(struct transfer_of *t, const struct config_mail *mail, uint64_t now_ms)
{
    struct tm at;
    char date[64];
    uint64_t random;
    time_t seconds = (time_t)(now_ms / 1000);
    if (!gmtime_r(&seconds, &at) || strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S +0000", &at) == 0 ||
        RAND_bytes((unsigned char *)&random, sizeof random) != 1)
        return false;
    return transfer_add_header(t, "Date: %s", date) &&
           transfer_add_header(t, "Message-ID: <%" PRIx64 ".%" PRIu64 "@%s>", random, now_ms,
                               strchr(mail->from, '@') + 1);
}

static bool add_body(struct transfer_of *t, const struct message *message)
{
    t->body = message_text(message);
    t->mime = curl_mime_init(t->easy);
    curl_mimepart *part = t->mime ? curl_mime_addpart(t->mime) : NULL;
    return t->body && part && curl_mime_data(part, t->body, CURL_ZERO_TERMINATED) == CURLE_OK &&
           curl_mime_type(part, "text/plain; charset=utf-8") == CURLE_OK &&
           curl_mime_encoder(part, "quoted-printable") == CURLE_OK;
}

static bool prepare(struct transfer_of *t, const struct config_target *target, const char *to,
                    const struct message *message)
{
    const struct config_mail *mail = &target->mail;
    static const char *const ports[] = {
        [CONFIG_MAIL_STARTTLS] = ":587", [CONFIG_MAIL_TLS] = ":465", [CONFIG_MAIL_PLAIN] = ":25"};
    char url[URL_SIZE], from[300], subject[MESSAGE_SUBJECT_SIZE];
    message_subject(message, subject);
    snprintf(url, sizeof url, "%s://%.280s%s", mail->security == CONFIG_MAIL_TLS ? "smtps" : "smtp", mail->server,
             strchr(mail->server, ':') ? "" : ports[mail->security]);
    snprintf(from, sizeof from, "<%.280s>", mail->from);
    if (!add_recipients(t, mail, to) || !transfer_add_header(t, "From: acmegate <%s>", mail->from) ||
        !transfer_add_header(t, "Subject: %s", subject) || !add_stamps(t, mail, message->now_ms) ||
        !transfer_add_header(t, "Auto-Submitted: auto-generated") || !add_body(t, message))
        return false;
    curl_easy_setopt(t->easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    curl_easy_setopt(t->easy, CURLOPT_URL, url);
    curl_easy_setopt(t->easy, CURLOPT_USE_SSL,
                     mail->security == CONFIG_MAIL_PLAIN ? (long)CURLUSESSL_NONE : (long)CURLUSESSL_ALL);
    curl_easy_setopt(t->easy, CURLOPT_MAIL_FROM, from);
    curl_easy_setopt(t->easy, CURLOPT_MAIL_RCPT, t->to);
    curl_easy_setopt(t->easy, CURLOPT_MAIL_RCPT_ALLLOWFAILS, 1L); /* one wrong address keeps nobody else from it */
    curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->headers);
    if (mail->user) {
        curl_easy_setopt(t->easy, CURLOPT_USERNAME, mail->user);
        curl_easy_setopt(t->easy, CURLOPT_PASSWORD, mail->password);
    }
    return curl_easy_setopt(t->easy, CURLOPT_MIMEPOST, t->mime) == CURLE_OK;
}

bool mail_send(struct egress *egress, const struct config_target *target, const char *to, const struct message *message,
               send_done_fn *done, void *ctx)
{
    struct transfer_of *t = transfer_make(egress, target, target->mail.ca_file, done, ctx);
    if (!t)
        return false;
    t->mail = true;
    if (prepare(t, target, to, message))
        return transfer_start(t);
    transfer_free(t);
    return false;
}
