/* contact: the contact URLs of an account, RFC 8555 section 7.3. */
#ifndef ACME_CONTACT_H
#define ACME_CONTACT_H

#include <jansson.h>

#include "acme/account.h"
#include "acme/problem.h"

/* Replaces the account's contacts with those of the JSON array (NULL: none): mailto: with one address each and nothing
 * behind it. False sets *problem (malformed, unsupportedContact, invalidContact); the account then keeps no contacts.
 */
bool contacts_set(struct acme_account *account, const json_t *array, struct acme_problem *problem);

#endif
