/* config_profile: the keys of a profile; the rest of the file is in keys.c. */
#include "gateway/config/tables.h"

#define AT(member) offsetof(struct config_profile, member)

static const struct config_key product_keys[] = {
    {.name = "single", .kind = CONFIG_NUMBER, .at = AT(product_single), .standard = "0", .max = 9999},
    {.name = "wildcard", .kind = CONFIG_NUMBER, .at = AT(product_wildcard), .standard = "0", .max = 9999},
    {.name = "multi", .kind = CONFIG_NUMBER, .at = AT(product_multi), .standard = "0", .max = 9999},
};
static const struct config_table product_table = TABLE(product_keys, struct config_profile);

static const struct config_key price_keys[] = {
    {.name = "single", .kind = CONFIG_MONEY, .at = AT(prices.single_cents), .standard = "0", .max = CENTS_MAX},
    {.name = "wildcard", .kind = CONFIG_MONEY, .at = AT(prices.wildcard_cents), .standard = "0", .max = CENTS_MAX},
    {.name = "multi", .kind = CONFIG_MONEY, .at = AT(prices.multi_cents), .standard = "0", .max = CENTS_MAX},
    {.name = "extra_name", .kind = CONFIG_MONEY, .at = AT(prices.extra_name_cents), .standard = "0", .max = CENTS_MAX},
};
static const struct config_table price_table = TABLE(price_keys, struct config_profile);

static const struct config_word without_cn[] = {
    {"as_is", CONFIG_CN_AS_IS},
    {"domain_names", CONFIG_CN_DOMAIN_NAMES},
    {"multi_domain", CONFIG_CN_MULTI_DOMAIN},
    {"refuse", CONFIG_CN_REFUSE},
    {0},
};

static const struct config_word extensions[] = {
    {"tls_feature", AT(csr_extensions[ACME_CSR_TLS_FEATURE])},
    {"ca", AT(csr_extensions[ACME_CSR_CA])},
    {"key_usage", AT(csr_extensions[ACME_CSR_KEY_USAGE])},
    {"extended_key_usage", AT(csr_extensions[ACME_CSR_EXTENDED_KEY_USAGE])},
    {"name_constraints", AT(csr_extensions[ACME_CSR_NAME_CONSTRAINTS])},
    {0},
};

static const struct config_key profile_keys[] = {
    {.name = "name",
     .kind = CONFIG_TEXT,
     .at = AT(name),
     .required = true,
     .check = config_is_name,
     .expected = A_NAME},
    {.name = "description",
     .kind = CONFIG_TEXT,
     .at = AT(description),
     .check = config_is_text,
     .expected = "one line of text"},
    {.name = "login",
     .kind = CONFIG_TEXT,
     .at = AT(login),
     .required = true,
     .check = config_is_name,
     .expected = "the name of a login"},
    {.name = "days", .kind = CONFIG_NUMBER, .at = AT(days), .standard = "365", .min = 1, .max = 9999},
    {.name = "products", .kind = CONFIG_MAPPING, .required = true, .table = &product_table},
    {.name = "wildcards_in_multi",
     .kind = CONFIG_SWITCH,
     .at = AT(wildcards_in_multi),
     .standard = "true",
     .words = yes_no},
    {.name = "prices", .kind = CONFIG_MAPPING, .table = &price_table},
    {.name = "renew_before_term_end",
     .kind = CONFIG_S,
     .at = AT(renew_before_term_end_s),
     .standard = "60d",
     .max = 2000 * DAY},
    {.name = "csr_without_cn", .kind = CONFIG_WORD, .at = AT(csr_without_cn), .standard = "as_is", .words = without_cn},
    {.name = "csr_extensions", .kind = CONFIG_WORDS, .words = extensions},
    {.name = "accept_base_of_wildcard",
     .kind = CONFIG_SWITCH,
     .at = AT(accept_base_of_wildcard),
     .standard = "true",
     .words = yes_no},
    {.name = "contact_email",
     .kind = CONFIG_TEXT,
     .at = AT(contact_email),
     .required = true,
     .check = config_is_email,
     .expected = "an e-mail address"},
    {.name = "first_poll", .kind = CONFIG_MS, .at = AT(first_poll_ms), .standard = "60s", .min = 100, .max = 30 * DAY},
    {.name = "poll_interval",
     .kind = CONFIG_MS,
     .at = AT(poll_interval_ms),
     .standard = "3h",
     .min = 100,
     .max = 30 * DAY},
    {.name = "deadline", .kind = CONFIG_S, .at = AT(deadline_s), .standard = "7d", .min = SECOND, .max = 400 * DAY},
};
const struct config_table config_profile = TABLE(profile_keys, struct config_profile);
