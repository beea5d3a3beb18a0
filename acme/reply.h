/* reply: filling in struct acme_reply, and the URLs that go into it. Private to this room. */
#ifndef ACME_REPLY_H
#define ACME_REPLY_H

#include <jansson.h>

#include "acme/durations.h"
#include "acme/task.h"

/* base_url/acme/kind/id + tail ("" or "/finalize"). acme_make has made sure that it fits. */
void acme_url(const struct acme_view *acme, const char *kind, const struct acme_id *id, const char *tail,
              char url[static ACME_URL_MAX]);
/* base_url + path. */
void acme_path_url(const struct acme_view *acme, const char *path, char url[static ACME_URL_MAX]);
void acme_challenge_url(const struct acme_view *acme, const struct acme_id *authz, enum acme_challenge_type type,
                        char url[static ACME_URL_MAX]);
/* The URL as a JSON string. */
json_t *acme_url_json(const struct acme_view *acme, const char *kind, const struct acme_id *id, const char *tail);
/* Seconds as RFC 3339 in UTC. */
json_t *acme_time_json(uint64_t seconds);
/* A stored problem document as JSON. */
json_t *acme_stored_problem_json(const char *document);

/* Takes the reference; json NULL is an out-of-memory reply. */
void acme_reply_json(struct acme_task *task, int status, json_t *json);
/* Text of this type, taken over (malloc'd); NULL is an out-of-memory reply. */
void acme_reply_text(struct acme_task *task, const char *content_type, char *body, size_t len);
/* Answers with task->problem. Returns ACME_DONE, so that a handler can end with it. */
enum acme_step acme_refuse(struct acme_task *task);
/* Link: <url>;rel="rel". Beyond ACME_LINKS_MAX, or out of memory, it is dropped. */
void acme_reply_link(struct acme_task *task, const char *url, const char *rel);
/* A whole 503 reply that needs no memory. */
void acme_reply_out_of_memory(struct acme_reply *reply);
/* Frees what the reply owns. */
void acme_reply_clear(struct acme_reply *reply);

/* Whole replies about one object, with the headers that belong to it. */
void acme_reply_account(struct acme_task *task, int status, const struct acme_account *account);
void acme_reply_order(struct acme_task *task, int status, const struct acme_order *order);
void acme_reply_authz(struct acme_task *task, int status, const struct acme_authz *authz);
/* The challenge object, as it stands alone and inside its authorization. */
/* The configured CAA identities, which are the issuer's names of dns-persist-01, too; an empty array where there are
 * none. New reference or NULL. directory.c */
json_t *acme_caa_identities_json(const struct acme_config *config);
json_t *acme_challenge_json(const struct acme_view *acme, const struct acme_authz *authz,
                            const struct acme_challenge *challenge);

#endif
