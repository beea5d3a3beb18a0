/* admin: the keys of the operators' listeners. */
#include <stddef.h>

#include "gateway/address.h"
#include "gateway/config/tables.h"

#define AT(member) offsetof(struct config, member)
#define A_FIELD "the name of a header field of its own, such as X-Forwarded-User"

static const struct config_key admin_tls_keys[] = {
    {.name = "certificate", .kind = CONFIG_FILE, .at = AT(admin.tls.certificate), .required = true, .expected = A_FILE},
    {.name = "key", .kind = CONFIG_FILE, .at = AT(admin.tls.key), .required = true, .expected = A_FILE},
};
static const struct config_table admin_tls_table = TABLE(admin_tls_keys, struct config);

static const struct config_key admin_proxy_keys[] = {
    {.name = "user_header",
     .kind = CONFIG_TEXT,
     .at = AT(admin.user_field),
     .required = true,
     .check = config_is_field,
     .expected = A_FIELD},
    {.name = "role_header",
     .kind = CONFIG_TEXT,
     .at = AT(admin.role_field),
     .check = config_is_field,
     .expected = A_FIELD},
};
static const struct config_table admin_proxy_table = TABLE(admin_proxy_keys, struct config);

static const struct config_key admin_keys[] = {
    {.name = "socket",
     .kind = CONFIG_TEXT,
     .at = AT(admin.socket),
     .check = config_is_path,
     .expected = "the whole path, from /, of the socket"},
    {.name = "listen",
     .kind = CONFIG_LIST,
     .at = AT(admin.listen),
     .check = config_is_listen,
     .expected = LISTEN_ADDRESSES},
    {.name = "tls", .kind = CONFIG_MAPPING, .table = &admin_tls_table},
    {.name = "connections",
     .kind = CONFIG_NUMBER,
     .at = AT(admin.connections),
     .standard = "256",
     .min = 10,
     .max = 100000},
    {.name = "connections_per_address",
     .kind = CONFIG_NUMBER,
     .at = AT(admin.connections_per_address),
     .standard = "64",
     .max = 100000},
    {.name = "trusted_proxies",
     .kind = CONFIG_LIST,
     .at = AT(admin.trusted),
     .check = address_is_prefix,
     .expected = "an address or a prefix, such as 10.0.0.7 or 10.0.0.0/8"},
    {.name = "proxy", .kind = CONFIG_MAPPING, .table = &admin_proxy_table},
};
const struct config_table config_admin = TABLE(admin_keys, struct config);
