#include "sectigo/dcv.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include <arpa/inet.h>
#include <libpsl.h>

static bool in_label(char c)
{
    return isascii((unsigned char)c) && (isalnum((unsigned char)c) || c == '-' || c == '_');
}

/* Lower case, without "*." and the final dot; false where it is no domain name. */
static bool plain_name(const char *name, char out[static 254])
{
    if (strncmp(name, "*.", 2) == 0)
        name += 2;
    size_t len = strlen(name), label = 0;
    if (len > 0 && name[len - 1] == '.')
        len--;
    if (len == 0 || len > 253)
        return false;
    for (size_t i = 0; i < len; i++) {
        bool ends = name[i] == '.';

        if (ends ? label == 0 : !in_label(name[i]))
            return false;
        label = ends ? 0 : label + 1;
        if (label > 63)
            return false;
        out[i] = (char)tolower((unsigned char)name[i]);
    }
    out[len] = '\0';
    return label > 0;
}

static bool address(const char *name)
{
    struct in6_addr in;
    return inet_pton(AF_INET, name, &in) == 1 || inet_pton(AF_INET6, name, &in) == 1;
}

bool sectigo_adn_list(const char *name, struct sectigo_adn *adn)
{
    memset(adn, 0, sizeof *adn);
    if (!plain_name(name, adn->name) || address(adn->name))
        return false;
    const char *registrable = psl_registrable_domain(psl_builtin(), adn->name);
    if (!registrable)
        return false;
    for (const char *at = adn->name; at && at <= registrable; at = strchr(at, '.')) {
        at += *at == '.';
        adn->offset[adn->count++] = (uint8_t)(at - adn->name);
    }
    return true;
}

bool sectigo_adn_covers(const char *adn, const char *name)
{
    struct sectigo_adn all;
    char wanted[254];

    if (!plain_name(adn, wanted) || !sectigo_adn_list(name, &all))
        return false;
    for (size_t i = 0; i < all.count; i++)
        if (strcmp(all.name + all.offset[i], wanted) == 0)
            return true;
    return false;
}

bool sectigo_is_public_suffix(const char *name)
{
    char plain[254];
    return plain_name(name, plain) &&
           psl_is_public_suffix2(psl_builtin(), plain, PSL_TYPE_ICANN | PSL_TYPE_NO_STAR_RULE) == 1;
}

bool sectigo_dcv_method_fits(enum sectigo_dcv_method method, const char *name)
{
    bool wildcard = strncmp(name, "*.", 2) == 0;

    switch (method) {
    case SECTIGO_DCV_HTTP:
    case SECTIGO_DCV_HTTPS:
        return !wildcard;
    case SECTIGO_DCV_IP_ADDRESS:
        return address(name);
    default:
        return !address(name);
    }
}

const char *const *sectigo_dcv_mailboxes(void)
{
    static const char *const mailboxes[] = {"admin", "administrator", "hostmaster", "postmaster", "webmaster", NULL};
    return mailboxes;
}

bool sectigo_dcv_email_fits(const char *email, const char *name)
{
    const char *at = strchr(email, '@');

    for (const char *const *box = sectigo_dcv_mailboxes(); at && *box; box++)
        if (strlen(*box) == (size_t)(at - email) && strncasecmp(email, *box, (size_t)(at - email)) == 0)
            return strncmp(at + 1, "*.", 2) != 0 && sectigo_adn_covers(at + 1, name);
    return false;
}
