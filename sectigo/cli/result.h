/* result: answers that are little more than a code. One thread. */
#ifndef CLI_RESULT_H
#define CLI_RESULT_H

#include "sectigo/cli/command.h"

/* For the answer member of a command. */
bool result_answer(struct session *session, const char *body, size_t len, enum outcome *outcome);

/* "Revoke the certificate of orderNumber 1 at URL as NAME? It cannot be undone."; malloc'd, NULL when out of memory. */
char *result_question(const struct session *session, const char *what, const char *consequence);

#endif
