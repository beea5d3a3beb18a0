/* dns-persist-01: the record's text, and the hash of draft-ietf-acme-dns-persist-02. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/validate/persist_record.h"

#define URI "https://ca.example/account-hash/sha-256/5SQm7n6tPh2-PlLbCKGnViTXX5z19SCN4cPGQHSk-kw"

static void takes_records(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool wildcard, has_until;
        uint64_t until_s;
    } cases[] = {
        {"authority.example; accounturi=" URI, false, false, 0},
        {"authority.example;accounturi=" URI, false, false, 0},
        {" Authority.EXAMPLE. ;\taccountURI =  " URI " ; POLICY=Wildcard ", true, false, 0},
        {"authority.example; policy=other; accounturi=" URI, false, false, 0},
        {"authority.example; persistUntil=1767225600; accounturi=" URI "; x=y; x=z; empty=", false, true, 1767225600},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct persist_record record;
        if (!persist_record_parse(cases[i].text, strlen(cases[i].text), &record))
            fail_msg("%s", cases[i].text);
        assert_string_equal(record.issuer, "authority.example");
        assert_string_equal(record.account_uri, URI);
        assert_int_equal(record.wildcard, cases[i].wildcard);
        assert_int_equal(record.has_until, cases[i].has_until);
        assert_int_equal(record.until_s, cases[i].until_s);
    }
}

static void refuses_what_is_none(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",
        ";",
        "authority.example",
        "authority.example;",
        "authority.example; accounturi",
        "authority.example; accounturi=",
        "authority.example; =x",
        "authority.example accounturi=" URI,
        "authority.example; accounturi=" URI ";",
        "authority.example; accounturi=" URI "; accounturi=" URI,
        "authority.example; accounturi=" URI "; policy=wildcard; policy=wildcard",
        "authority.example; accounturi=" URI "; persistUntil=1; persistUntil=2",
        "authority.example; accounturi=" URI "; persistUntil=",
        "authority.example; accounturi=" URI "; persistUntil=-1",
        "authority.example; accounturi=" URI "; persistUntil=0x10",
        "authority.example; accounturi=" URI "; persistUntil=99999999999999999999",
        "authority.example; accounturi=" URI "; po-licy=wildcard",
        "_authority.example; accounturi=" URI,
        "; accounturi=" URI,
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct persist_record record;
        if (persist_record_parse(cases[i], strlen(cases[i]), &record))
            fail_msg("%s", cases[i]);
    }
}

/* Section 10.2 of the draft. */
static void hashes_as_the_draft_does(void **state)
{
    (void)state;
    static const char thumbprint[] = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",
                      url[] = "https://ca.example/acct/123";
    char text[PERSIST_HASH_TEXT + 1], longest[300];
    assert_true(persist_hash("example.com", thumbprint, url, text));
    assert_string_equal(text, "5SQm7n6tPh2-PlLbCKGnViTXX5z19SCN4cPGQHSk-kw");
    assert_true(persist_hash("*", thumbprint, url, text));
    assert_string_equal(text, "NpDnSwUthQK8zCgFdefYxAdAVPnygMLbs9US6oO-5ug");
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    assert_false(persist_hash(longest, thumbprint, url, text));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_records),
        cmocka_unit_test(refuses_what_is_none),
        cmocka_unit_test(hashes_as_the_draft_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
