/* config_own: the keys of acme.tls.own; the rest of the file is in keys.c. */
#include "gateway/config/tables.h"

#define AT(member) offsetof(struct config, member)

static const struct config_key own_keys[] = {
    {.name = "file",
     .kind = CONFIG_TEXT,
     .at = AT(acme.own.file),
     .required = true,
     .check = config_is_path,
     .expected = "the whole path, from /, of a file for the certificate and its key"},
    {.name = "policy",
     .kind = CONFIG_TEXT,
     .at = AT(acme.own.policy),
     .required = true,
     .check = config_is_text,
     .expected = "the name of a policy"},
    {.name = "profile",
     .kind = CONFIG_TEXT,
     .at = AT(acme.own.profile),
     .check = config_is_text,
     .expected = "the name of a profile"},
    {.name = "names",
     .kind = CONFIG_LIST,
     .at = AT(acme.own.names),
     .check = config_is_text,
     .expected = "a name or an address"},
};
const struct config_table config_own = TABLE(own_keys, struct config);
