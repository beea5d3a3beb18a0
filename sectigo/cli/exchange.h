/* exchange: one call from the options to the answer. One thread. */
#ifndef CLI_EXCHANGE_H
#define CLI_EXCHANGE_H

#include "sectigo/cli/command.h"
#include "sectigo/transport.h"

/* The course of every call: presets, check, question, sending, answer. */
enum outcome exchange_run(struct session *session);

/* The first part of it: presets and check. False: said what is wrong. */
bool exchange_prepare(struct session *session);
/* A copy, secrets as such; failed is set when out of memory. */
struct sectigo_form exchange_copy(const struct sectigo_form *form);
/* Sends a copy of form and waits for the answer. NULL: out of memory (said so). The session's client is there once
 * exchange_connect has made it. */
struct sectigo_call *exchange_send(struct session *session, enum sectigo_call_kind kind,
                                   const struct sectigo_form *form, enum sectigo_outcome *outcome);
/* False: said what is missing. */
bool exchange_connect(struct session *session);
/* Adds what the command sends by itself. False: something given contradicts it, said so. */
bool exchange_add_presets(const struct session *session, const struct preset *presets, struct sectigo_form *form);

#endif
