/* dcv: which method for which name in which zone, and the records that follow from it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "gateway/dcv/choice.h"
#include "gateway/dcv/record.h"
#include "gateway/dcv/rules.h"
#include "gateway/issue/order/prepare.h"

#include "temp_store.h"

static char *http_first[] = {"http", "cname", NULL}, *cname_first[] = {"cname", "http", NULL},
            *cname_only[] = {"cname", NULL};
static struct config_dcv_zone zones[] = {
    {.zone = "example.com"}, {.zone = "deep.example.com"}, {.zone = "Example.org"}, {.zone = "com"}};

static struct config_dcv settings(char **methods, unsigned zone_count)
{
    struct config_dcv dcv = {.methods = {.list = methods}, .zones = zones, .zone_count = zone_count};
    while (methods[dcv.methods.count])
        dcv.methods.count++;
    return dcv;
}

static struct acme_identifier dns_name(const char *name)
{
    struct acme_identifier identifier = {.type = ACME_DNS_NAME};
    snprintf(identifier.value, sizeof identifier.value, "%s", name);
    return identifier;
}

/* zone NULL: by HTTP. */
static void assert_choice(const struct config_dcv *dcv, const char *name, const char *zone)
{
    struct acme_identifier identifier = dns_name(name);
    struct acme_problem problem = {0};
    struct dcv_choice choice;
    assert_true(dcv_choose(dcv, &identifier, &choice, &problem));
    assert_int_equal(choice.method, zone ? SECTIGO_DCV_CNAME : SECTIGO_DCV_HTTP);
    if (zone)
        assert_string_equal(choice.zone->zone, zone);
    else
        assert_null(choice.zone);
}

static void assert_refused(const struct config_dcv *dcv, const char *name, const char *words)
{
    struct acme_identifier identifier = dns_name(name);
    struct acme_problem problem = {0};
    struct dcv_choice choice;
    assert_false(dcv_choose(dcv, &identifier, &choice, &problem));
    assert_int_equal(problem.type, ACME_REJECTED_IDENTIFIER);
    assert_non_null(strstr(problem.detail, words));
    acme_problem_clear(&problem);
}

static void takes_the_preferred_method_that_can_serve(void **state)
{
    (void)state;
    struct config_dcv http = settings(http_first, 4), cname = settings(cname_first, 4), only = settings(cname_only, 4);
    assert_choice(&http, "www.example.com", NULL);
    assert_choice(&http, "*.example.com", "example.com");
    assert_choice(&cname, "www.example.com", "example.com");
    assert_choice(&cname, "www.other.net", NULL);
    assert_choice(&only, "www.example.org", "Example.org");
    assert_refused(&only, "www.other.net", "no DNS zone");
    assert_refused(&http, "*.other.net", "order the host names instead");
}

static void addresses_have_a_setting_of_their_own(void **state)
{
    (void)state;
    struct config_dcv dcv = settings(cname_only, 4);
    struct acme_identifier address = {.type = ACME_IP_ADDRESS, .value = "192.0.2.1"};
    struct acme_problem problem = {0};
    struct dcv_choice choice;
    assert_true(dcv_choose(&dcv, &address, &choice, &problem));
    assert_int_equal(choice.method, SECTIGO_DCV_HTTP);
    dcv.ip_method = CONFIG_IP_ADDRESS_PRE;
    assert_true(dcv_choose(&dcv, &address, &choice, &problem));
    assert_int_equal(choice.method, SECTIGO_DCV_IP_ADDRESS);
    assert_null(choice.zone);
}

static void takes_the_deepest_zone_that_covers_the_name(void **state)
{
    (void)state;
    struct config_dcv dcv = settings(cname_first, 4);
    assert_choice(&dcv, "a.deep.example.com", "deep.example.com");
    assert_choice(&dcv, "deep.example.com", "deep.example.com");
    assert_choice(&dcv, "*.deep.example.com", "deep.example.com");
    assert_choice(&dcv, "notdeep.example.com", "example.com");
    assert_choice(&dcv, "notexample.com", NULL); /* "com" is no registrable domain */
}

static void without_zones_only_http_serves(void **state)
{
    (void)state;
    struct config_dcv http = settings(http_first, 0), only = settings(cname_only, 0);
    assert_choice(&http, "www.example.com", NULL);
    assert_refused(&http, "*.example.com", "configured for HTTP only");
    assert_refused(&only, "www.example.com", "no DNS zone is configured");
}

/* ---- records ---- */

static const uint8_t csr[] = "not a CSR, but octets";
static const char issuance[] = "a0123456789";

static struct dcv_answer answer_with(const char *unique_value)
{
    return dcv_answer_make(csr, sizeof csr, unique_value, issuance);
}

static void make_records(const struct config_dcv *dcv, struct dcv_records *records)
{
    struct acme_identifier list[] = {dns_name("*.example.com"), dns_name("example.com"), dns_name("www.example.com"),
                                     dns_name("x.deep.example.com"), dns_name("www.other.net")};
    struct acme_names names = {.list = list, .count = sizeof list / sizeof *list};
    const struct dcv_answer answer = answer_with("abc123");
    assert_true(dcv_records_make(dcv, &names, &answer, records));
}

static void names_of_one_zone_share_a_record(void **state)
{
    (void)state;
    struct config_dcv http = settings(http_first, 4), cname = settings(cname_first, 4);
    struct dcv_records few, many;
    size_t added;
    make_records(&http, &few);
    make_records(&cname, &many);
    assert_int_equal(few.count, 1);
    assert_int_equal(many.count, 2);
    assert_string_equal(few.list[0].zone, "example.com");
    assert_int_equal(few.list[0].owner[0], '_');
    assert_non_null(strstr(few.list[0].owner, ".example.com"));
    assert_non_null(strstr(few.list[0].target, ".abc123.sectigo.com"));
    assert_true(dcv_records_join(&few, &many, &added));
    assert_int_equal(added, 1);
    assert_true(dcv_records_join(&few, &many, &added));
    assert_int_equal(added, 0);
    dcv_records_clear(&few);
    dcv_records_clear(&many);
}

static void assert_method(const struct dcv_rules *rules, const char *name, enum sectigo_dcv_method method)
{
    const struct acme_identifier identifier = dns_name(name);
    assert_int_equal(dcv_rules_method(rules, &identifier), method);
}

/* A request names no record that is not published; a wildcard has nothing else. */
static void a_request_names_what_is_stored(void **state)
{
    (void)state;
    struct acme_identifier www = dns_name("www.example.com");
    const struct acme_names names = {.list = &www, .count = 1};
    const struct dcv_answer answer = answer_with("abc123");
    struct dcv_rules rules = {.dcv = settings(cname_only, 4)};
    assert_method(&rules, "www.example.com", SECTIGO_DCV_HTTP);
    assert_method(&rules, "*.example.com", SECTIGO_DCV_CNAME);
    assert_method(&rules, "www.other.net", SECTIGO_DCV_HTTP);
    assert_true(dcv_rules_lack_record(&rules, &names, &answer));
    struct dcv_records made;
    assert_true(dcv_records_make(&rules.dcv, &names, &answer, &made));
    dcv_rules_take_stored(&rules, &made);
    assert_int_equal(made.count, 0);
    assert_false(dcv_rules_lack_record(&rules, &names, &answer));
    assert_method(&rules, "www.example.com", SECTIGO_DCV_CNAME);
    assert_method(&rules, "www.other.net", SECTIGO_DCV_HTTP);
    rules.dcv.zone_count = 2; /* a deeper zone is added: the record of the other one still proves the name */
    assert_method(&rules, "a.deep.example.com", SECTIGO_DCV_CNAME);
    rules.dcv = settings(http_first, 4);
    assert_false(dcv_rules_lack_record(&rules, &names, &answer));
    assert_method(&rules, "www.example.com", SECTIGO_DCV_HTTP);
    dcv_rules_clear(&rules);
}

static enum store_status keep(struct store_txn *txn, void *records)
{
    return dcv_records_save(txn, issuance, records);
}

static enum store_status retarget(struct store_txn *txn, void *arg)
{
    const struct dcv_answer other = answer_with("theirs9");
    (void)arg;
    return dcv_records_retarget(txn, &other);
}

static enum store_status forget(struct store_txn *txn, void *arg)
{
    (void)arg;
    return dcv_records_forget(txn, issuance);
}

static enum store_status load(struct store *store, struct dcv_records *records)
{
    struct store_txn *txn;
    assert_int_equal(store_read(store, &txn), STORE_OK);
    enum store_status status = dcv_records_load(txn, issuance, records);
    store_read_end(txn);
    return status;
}

static void records_are_kept_changed_and_forgotten(void **state)
{
    (void)state;
    struct config_dcv dcv = settings(cname_first, 4);
    struct dcv_records made, kept;
    struct temp_store temp;
    temp_store_open(&temp);
    make_records(&dcv, &made);
    made.cname_first = true;
    assert_int_equal(load(temp.store, &kept), STORE_NOT_FOUND);
    assert_int_equal(store_call(temp.store, retarget, NULL), STORE_NOT_FOUND);
    assert_int_equal(store_call(temp.store, keep, &made), STORE_OK);
    assert_int_equal(load(temp.store, &kept), STORE_OK);
    assert_int_equal(kept.count, made.count);
    assert_true(kept.cname_first && !kept.skip_preflight);
    assert_string_equal(kept.list[1].owner, made.list[1].owner);
    assert_string_equal(kept.list[1].target, made.list[1].target);
    dcv_records_clear(&kept);
    assert_int_equal(store_call(temp.store, retarget, NULL), STORE_OK);
    assert_int_equal(load(temp.store, &kept), STORE_OK);
    assert_string_equal(kept.list[0].owner, made.list[0].owner);
    assert_non_null(strstr(kept.list[0].target, ".theirs9.sectigo.com"));
    dcv_records_clear(&kept);
    assert_int_equal(store_call(temp.store, forget, NULL), STORE_OK);
    assert_int_equal(store_call(temp.store, forget, NULL), STORE_OK);
    assert_int_equal(load(temp.store, &kept), STORE_NOT_FOUND);
    dcv_records_clear(&made);
    temp_store_close(&temp);
}

/* Where an issuance begins: no state of its own for what needs no record. */
static void begins_published_unless_a_record_comes_first(void **state)
{
    static const struct {
        char **methods;
        unsigned zones;
        const char *names[2];
        enum issuance_state begins;
    } rows[] = {
        {http_first, 0, {"www.example.com"}, ISSUANCE_PUBLISHED},
        {http_first, 3, {"www.example.com", "www.example.org"}, ISSUANCE_PUBLISHED},
        {http_first, 3, {"*.example.com"}, ISSUANCE_PREPARED},
        {http_first, 3, {"www.example.com", "*.example.com"}, ISSUANCE_PREPARED},
        {cname_first, 3, {"www.example.com"}, ISSUANCE_PREPARED},
        {cname_first, 3, {"www.example.net"}, ISSUANCE_PUBLISHED},
        {cname_first, 3, {"www.example.net", "www.example.com"}, ISSUANCE_PREPARED},
        {cname_only, 3, {"www.example.net"}, ISSUANCE_PREPARED}, /* what is missing is said there */
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct config_dcv dcv = settings(rows[i].methods, rows[i].zones);
        struct acme_names names = {0};
        for (size_t n = 0; n < 2 && rows[i].names[n]; n++) {
            struct acme_identifier name = dns_name(rows[i].names[n]);
            assert_true(names_add(&names, &name));
        }
        if (prepare_state(&dcv, &names) != rows[i].begins)
            fail_msg("row %zu begins elsewhere", i);
        names_clear(&names);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_the_preferred_method_that_can_serve),
        cmocka_unit_test(addresses_have_a_setting_of_their_own),
        cmocka_unit_test(takes_the_deepest_zone_that_covers_the_name),
        cmocka_unit_test(begins_published_unless_a_record_comes_first),
        cmocka_unit_test(without_zones_only_http_serves),
        cmocka_unit_test(names_of_one_zone_share_a_record),
        cmocka_unit_test(a_request_names_what_is_stored),
        cmocka_unit_test(records_are_kept_changed_and_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
