/* upstream: the configured Sectigo logins, and calls to them on the egress thread.
 *
 * A minute's calls of one login (calls_per_minute) may leave at once, then they are paced; AutoRevokeSSL goes before
 * all others, and CollectSSL calls are made one after another (notes 1). A breaker (breaker.h) keeps calls back while
 * Sectigo refuses the login or does not answer: those that may cost money end at once as never left, with the time
 * after which it makes sense to come again; revocations and questions wait a few seconds for their turn.
 */
#ifndef GATEWAY_ISSUE_UPSTREAM_UPSTREAM_H
#define GATEWAY_ISSUE_UPSTREAM_UPSTREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/x509.h>

#include "gateway/config/config.h"
#include "gateway/egress/egress.h"
#include "gateway/issue/upstream/accept.h"
#include "sectigo/sectigo.h"
#include "sectigo/transport.h"

struct upstream;       /* all logins */
struct upstream_login; /* one: a name at an endpoint. It lives as long as struct upstream, with its breaker and its
                        * pace, whatever configurations come and go; one that is configured no longer ends what it has
                        * begun */
struct upstream_terms; /* what a new configuration makes of them, not in force yet */

enum { UPSTREAM_REASON_MAX = 512 };

/* NULL: *reason names the login and what is wrong. */
struct upstream *upstream_make(const struct config *config, struct egress *egress,
                               char reason[static UPSTREAM_REASON_MAX]);
/* A reload in two steps, one reload at a time: reads the files that the logins name, and changes nothing; NULL:
 * *reason. Then puts that in force, which cannot fail: calls made from now on go by it. Any thread. */
struct upstream_terms *upstream_prepare(struct upstream *upstream, const struct config *config,
                                        char reason[static UPSTREAM_REASON_MAX]);
void upstream_adopt(struct upstream *upstream, struct upstream_terms *terms);
/* Of what is not adopted. NULL is fine. */
void upstream_terms_free(struct upstream_terms *terms);
/* After egress_stop. */
void upstream_free(struct upstream *upstream);

/* What stands behind a login of a configuration that is in force, or was; NULL for NULL. Any thread. */
struct upstream_login *upstream_login(struct upstream *upstream, const struct config_login *config);
/* Whether Sectigo refused the login when it was last used. Any thread. */
bool upstream_login_refused(const struct upstream_login *login);
/* Whether the breaker is open. Any thread. */
bool upstream_login_broken(const struct upstream_login *login);
/* What became of the call that ended last. Any thread. */
enum upstream_contact { UPSTREAM_NOT_ASKED, UPSTREAM_IN_CONTACT, UPSTREAM_UNREACHABLE };
enum upstream_contact upstream_login_contact(const struct upstream_login *login);
/* The next call asks at once whether a refused login, or one whose breaker is open, works again. Any thread. */
void upstream_login_reopen(struct upstream_login *login);
/* No call leaves any more. Any thread. */
void upstream_stop(struct upstream *upstream);
/* Roots that certificates of this login must chain to: a reference, the caller's to free. Any thread. */
X509_STORE *upstream_anchors(struct upstream_login *login);
/* Of the intermediates that its certificates come with; lives as long as the login. */
struct accept_cache *upstream_cas(const struct upstream_login *login);

enum upstream_outcome {
    UPSTREAM_ANSWERED,   /* body is Sectigo's answer */
    UPSTREAM_NEVER_LEFT, /* nothing was sent; also: the login is refused, the program is stopping */
    UPSTREAM_LOST,       /* the outcome is unknown */
};

/* What a call brought. Texts are valid during the callback. */
struct upstream_reply {
    enum upstream_outcome outcome;
    const char *body;
    size_t body_len;
    const char *reason; /* a sentence where not answered */
    uint64_t date_ms;   /* what time Sectigo says it is, UNIX; 0: it says none */
    uint64_t again_ms;  /* where the breaker knows in how long it makes sense to come again; else 0 */
};
typedef void upstream_done_fn(void *ctx, const struct upstream_reply *reply);

/* On the egress thread. Takes form (emptied, also on failure). done is called exactly once, on the same thread; before
 * this returns where the call cannot leave. */
void upstream_call(struct upstream_login *login, enum sectigo_call_kind kind, struct sectigo_form *form,
                   upstream_done_fn *done, void *ctx);
/* The same for what must not leave late: ask_first(ctx) is asked when its turn has come, and again at the last moment
 * before its first octet. Where it answers a sentence (static) the call never leaves, which says nothing against the
 * login. The connection may take within_ms. */
typedef const char *upstream_may_leave_fn(void *ctx);
void upstream_send(struct upstream_login *login, enum sectigo_call_kind kind, struct sectigo_form *form,
                   upstream_may_leave_fn *ask_first, long within_ms, upstream_done_fn *done, void *ctx);
/* The same for getAccountBalance, at once, whatever the breaker and the pace say: an operator asks. */
void upstream_ask_balance(struct upstream_login *login, upstream_done_fn *done, void *ctx);

#endif
