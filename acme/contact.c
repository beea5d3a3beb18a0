#include "acme/contact.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "acme/identifier.h"
#include "store/shortage.h"

enum { LOCAL_PART_MAX = 64 };

/* RFC 5322 dot-atom without '?' and ',', which in a mailto: URL begin fields and separate addresses. */
static bool is_local_part(const char *text, size_t len)
{
    static const char marks[] = "!#$%&'*+-/=^_`{|}~.";
    if (len == 0 || len > LOCAL_PART_MAX || text[0] == '.' || text[len - 1] == '.')
        return false;
    for (size_t i = 0; i < len; i++) {
        bool alnum = (text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'z') ||
                     (text[i] >= 'A' && text[i] <= 'Z');
        if ((!alnum && !memchr(marks, text[i], sizeof marks - 1)) || (text[i] == '.' && text[i + 1] == '.'))
            return false;
    }
    return true;
}

static bool is_domain(const char *text)
{
    struct acme_identifier domain;
    struct acme_problem ignored = {0};
    bool good = identifier_parse("dns", text, strlen(text), &domain, &ignored) && !identifier_is_wildcard(&domain);
    acme_problem_clear(&ignored);
    return good;
}

static bool is_address(const char *text)
{
    const char *at = strchr(text, '@');
    return at && is_local_part(text, (size_t)(at - text)) && is_domain(at + 1);
}

static bool check(const json_t *contact, struct acme_problem *problem)
{
    static const char scheme[] = "mailto:";
    const char *text = json_string_value(contact);
    if (!text)
        return acme_problem_set(problem, ACME_MALFORMED, "\"contact\" has to be an array of strings.");
    if (json_string_length(contact) > ACME_CONTACT_MAX)
        return acme_problem_set(problem, ACME_INVALID_CONTACT, "A contact is longer than %d octets.", ACME_CONTACT_MAX);
    if (!strchr(text, ':'))
        return acme_problem_set(problem, ACME_INVALID_CONTACT,
                                "The contact \"%s\" is not a URL; an address is written mailto:name@example.com.",
                                text);
    if (strncasecmp(text, scheme, sizeof scheme - 1) != 0)
        return acme_problem_set(problem, ACME_UNSUPPORTED_CONTACT, "The contact \"%s\" is not a mailto: URL.", text);
    return is_address(text + sizeof scheme - 1) ||
           acme_problem_set(problem, ACME_INVALID_CONTACT,
                            "The contact \"%s\" is not mailto: and one e-mail address, without fields.", text);
}

static void drop(struct acme_account *account)
{
    while (account->contact_count > 0)
        free(account->contacts[--account->contact_count]);
}

bool contacts_set(struct acme_account *account, const json_t *array, struct acme_problem *problem)
{
    drop(account);
    if (!array)
        return true;
    if (!json_is_array(array))
        return acme_problem_set(problem, ACME_MALFORMED, "\"contact\" has to be an array of strings.");
    if (json_array_size(array) > ACME_CONTACTS_MAX)
        return acme_problem_set(problem, ACME_INVALID_CONTACT, "There are more than %d contacts.", ACME_CONTACTS_MAX);
    for (size_t i = 0; i < json_array_size(array); i++) {
        const json_t *contact = json_array_get(array, i);
        char *copy = check(contact, problem) ? shortage_strdup(json_string_value(contact)) : NULL;
        if (!copy) {
            drop(account);
            return problem->type ? false : acme_problem_out_of_memory(problem);
        }
        account->contacts[account->contact_count++] = copy;
    }
    return true;
}
