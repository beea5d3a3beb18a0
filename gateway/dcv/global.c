#include "gateway/dcv/global.h"

#include <stddef.h>
#include <sys/socket.h>

#include "gateway/address.h"

static const char *const special_v4[] = {
    "0.0.0.0/8",      "10.0.0.0/8",     "100.64.0.0/10", "127.0.0.0/8",
    "169.254.0.0/16", "172.16.0.0/12",  "192.0.0.0/24",  "192.0.2.0/24",
    "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24",
    "203.0.113.0/24", "224.0.0.0/4",    "240.0.0.0/4",   NULL,
};
/* Of IPv6 only this is unicast to everywhere, without the parts of it that have another purpose. */
static const char global_v6[] = "2000::/3";
static const char *const special_v6[] = {"2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", NULL};

bool address_is_global(const struct egress_address *address, const struct config_strings *also)
{
    if (also->count > 0 && address_in_any(address->text, (const char *const *)also->list))
        return true;
    if (address->family == AF_INET)
        return !address_in_any(address->text, special_v4);
    return address_in_prefix(address->text, global_v6) && !address_in_any(address->text, special_v6);
}
