/* pushes: those that match nothing yet, because a push may overtake the reply that tells us the order number. In
 * memory, bounded, thread-safe. */
#ifndef GATEWAY_ISSUE_LIFE_PUSHES_H
#define GATEWAY_ISSUE_LIFE_PUSHES_H

#include <stdbool.h>
#include <stdint.h>

#include "sectigo/sectigo.h"

struct pushes;

enum { PUSHES_MAX = 1000, PUSHES_KEPT_S = 600 };

struct pushes *pushes_make(void);
void pushes_free(struct pushes *pushes);
/* Takes the push over, dropping the oldest where there are too many. */
void pushes_keep(struct pushes *pushes, struct sectigo_push *push, uint64_t now_ms);
/* The oldest kept one for this order number or certificate ID ("" matches nothing), now the caller's; NULL for none. */
struct sectigo_push *pushes_take(struct pushes *pushes, const char *order_number, const char *certificate_id,
                                 uint64_t now_ms);

/* Deep copy on the heap and its end. NULL when out of memory. */
struct sectigo_push *push_copy(const struct sectigo_push *push);
void push_free(struct sectigo_push *push);

#endif
