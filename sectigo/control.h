/* control: whether the names of a request can be proved as it says (notes 3.2, 3.3, 3.7). Internal to sectigo/. Pure;
 * any thread.
 */
#ifndef SECTIGO_CONTROL_H
#define SECTIGO_CONTROL_H

#include "sectigo/parameter.h"

/* The next word of a list with commas or blanks between, copied (cut at size); false at the end. */
bool sectigo_list_next(const char **list, char *word, size_t size);
size_t sectigo_list_count(const char *list);

/* What a request says of it, by the names of its parameters; NULL where a call has no such. */
struct sectigo_control {
    const char *tokens; /* one for each name, or one for all; goes before the others */
    const char *method; /* EMAIL where neither it nor tokens is given */
    const char *email;
};
/* names: a list; NULL: not known, all is well. The code is -4, of the parameter that does not fit. */
bool sectigo_control_check(const struct sectigo_form *form, const struct sectigo_control *control, const char *names,
                           struct sectigo_verdict *verdict);
/* The same of AutoApplyOrder and AutoReplaceSSL, where names is a list, too. */
bool sectigo_control_check_order(const struct sectigo_form *form, const char *names, struct sectigo_verdict *verdict);

#endif
