#include "sectigo/sandbox/settings.h"

static const char *const choice_words[] = {"accept", "refuse", NULL};
static const char *const encoding_words[] = {"literal", "escaped", "pem", NULL};
static const char *const again_words[] = {"refuse", "accept", "charge", NULL};
const char *const settings_upgrade_cost_keys[] = {"upgradeCost", "cost", "totalCost", "price", "amount", NULL};
static const char *const chain_words[] = {"root-first", "leaf-first", NULL};
static const char *const names_words[] = {"plain", "shuffled", NULL};

#define ROW(kind, member, json, ...)                                                                                   \
    {                                                                                                                  \
        .name = json, .type = FIELD_##kind, .offset = offsetof(struct settings, member), __VA_ARGS__                   \
    }

static const struct field fields[] = {
    ROW(WORD, csr_without_common_name, "csrWithoutCommonName", .words = choice_words),
    ROW(WORD, foreign_order_number_on_replace, "foreignOrderNumberOnReplace", .words = choice_words),
    ROW(WORD, collect_encoding, "collectEncoding", .words = encoding_words),
    ROW(WORD, chain_order, "chainOrder", .words = chain_words),
    ROW(WORD, doubtful_add_ons, "doubtfulAddOns", .words = choice_words),
    ROW(WORD, unseen_parameters, "unseenParameters", .words = choice_words),
    ROW(WORD, upgrade_cost_key, "upgradeCostKey", .words = settings_upgrade_cost_keys),
    ROW(WORD, authorize_again, "authorizeAgain", .words = again_words),
    ROW(WORD, report_names, "reportNames", .words = names_words),
    ROW(FLAG, csr_names_must_match, "csrNamesMustMatch"),
    ROW(FLAG, check_numbers, "checkNumbers"),
    ROW(FLAG, replacement_revokes, "replacementRevokes"),
    ROW(FLAG, wildcard_adds_base_name, "wildcardAddsBaseName"),
    ROW(FLAG, own_unique_value, "ownUniqueValue"),
    ROW(FLAG, report_foreign_order_number, "reportForeignOrderNumber"),
    ROW(FLAG, payment_required, "paymentRequired"),
    ROW(FLAG, check_caa, "checkCAA"),
    ROW(FLAG, sitelock_activated, "siteLockActivated"),
    ROW(FLAG, auto_renew, "autoRenew"),
    ROW(FLAG, action_required, "actionRequired"),
    ROW(FLAG, reuse_validation, "reuseValidation"),
    ROW(FLAG, fetch_follows_redirects, "fetchFollowsRedirects"),
    ROW(NUMBER, duplicate_foreign_order_code, "duplicateForeignOrderCode"),
    ROW(NUMBER, licence_service_code, "licenceServiceCode"),
    ROW(NUMBER, credit_cents, "creditCents"),
    ROW(NUMBER, call_limit_per_minute, "callLimitPerMinute"),
    ROW(NUMBER, lock_after, "lockAfter"),
    ROW(NUMBER, refund_period_days, "refundPeriodDays"),
    ROW(NUMBER, issue_delay_ms, "issueDelayMs"),
    ROW(NUMBER, look_first_ms, "lookFirstMs"),
    ROW(NUMBER, look_max_ms, "lookMaxMs"),
    ROW(NUMBER, push_retry_ms, "pushRetryMs"),
    ROW(FLAG, no_date, "noDate"),
    ROW(NUMBER, date_ahead_ms, "dateAheadMs"),
    ROW(NUMBER, report_lag_ms, "reportLagMs"),
    ROW(NUMBER, report_lag_looks, "reportLagLooks"),
    ROW(NUMBER, report_strangers, "reportStrangers"),
    ROW(NUMBER, report_page_max, "reportPageMax"),
    ROW(NUMBER, report_zone_minutes, "reportZoneMinutes"),
    ROW(TEXT, compromised_keys, "compromisedKeys"),
    {0},
};
const struct record_type settings_type = {sizeof(struct settings), fields};

void settings_default(struct settings *settings)
{
    *settings = (struct settings){
        .wildcard_adds_base_name = true,
        .report_foreign_order_number = true,
        .check_caa = true,
        .sitelock_activated = true,
        .auto_renew = true,
        .refund_period_days = 14,
        .check_numbers = true,
        .duplicate_foreign_order_code = -4,
        .credit_cents = 100000000,
        .lock_after = 10,
        .look_first_ms = 1000,
        .look_max_ms = 64000,
        .push_retry_ms = 1000,
    };
}
