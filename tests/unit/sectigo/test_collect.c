#include "cases.h"

#include "sectigo/sectigo.h"

static bool parse(const char *body, struct sectigo_collect_answer *answer)
{
    return sectigo_parse_collect(body, strlen(body), answer);
}

static bool parse_lines(const char *body, struct sectigo_collect_flags flags, struct sectigo_collect_answer *answer)
{
    return sectigo_parse_collect_lines(body, strlen(body), &flags, answer);
}

static char *pem_of(const char *base64)
{
    char *text = malloc(1000), *out = text + sprintf(text, "-----BEGIN CERTIFICATE-----\n");

    for (size_t i = 0; i < strlen(base64); i += 64)
        out += sprintf(out, "%.64s\n", base64 + i);
    sprintf(out, "-----END CERTIFICATE-----\n");
    return text;
}

static char *escaped(const char *text)
{
    struct sectigo_form form = {0};

    sectigo_form_add(&form, "x", text);
    char *encoded = sectigo_form_encode(&form, false), *value = strdup(encoded + 2);
    free(encoded);
    sectigo_form_clear(&form);
    return value;
}

/* The ways in which a field has been seen to carry a certificate. */
static void test_spellings_of_a_certificate(void **state)
{
    char *base64 = object_base64(0xfb, 100), *pem = pem_of(base64); /* "+/v7": a '+' in it */
    char *escaped_base64 = escaped(base64), *escaped_pem = escaped(pem), blanks[500], plus_pem[2000], lines[600];
    (void)state;

    assert_non_null(strchr(base64, '+'));
    snprintf(blanks, sizeof blanks, "%s", base64);
    for (char *at = blanks; (at = strchr(at, '+'));)
        *at = ' ';
    snprintf(plus_pem, sizeof plus_pem, "-----BEGIN+CERTIFICATE-----%%0A%s%%0A-----END+CERTIFICATE-----", base64);
    snprintf(lines, sizeof lines, "%.64s%%0D%%0A%s%%0D%%0A", base64, base64 + 64);
    const char *const spellings[] = {base64, escaped_base64, escaped_pem, pem, blanks, plus_pem, lines};
    for (size_t i = 0; i < COUNT(spellings); i++) {
        struct sectigo_collect_answer answer;
        char body[3000];

        snprintf(body, sizeof body, "errorCode=2&certificate=%s&x=1", spellings[i]);
        if (!parse(body, &answer) || !answer.certificate || strcmp(answer.certificate, pem) != 0)
            fail_msg("spelling %zu", i);
        sectigo_collect_clear(&answer);
    }
    free(base64);
    free(pem);
    free(escaped_base64);
    free(escaped_pem);
}

static void test_whole_answer(void **state)
{
    char *leaf = object_base64(1, 10), *one = object_base64(2, 20), *two = object_base64(3, 30);
    char *leaf_pem = pem_of(leaf), *one_pem = pem_of(one), *two_pem = pem_of(two), body[2000], chain[2000];
    struct sectigo_collect_answer answer;
    (void)state;

    snprintf(body, sizeof body,
             "errorCode=2&orderNumber=12repl%%231&notBefore=1767225600&notAfter=1784419200&fqdn=a.example"
             "&certificate=%s&caCertificate=%s&caCertificate=%s&certificateStatus=Issued&validationStatus=Done"
             "&mdcDomainDetails=a.example%%2CValidated&csrStatus=1&dcvStatus=2&evClickThroughStatus=-1\n",
             leaf, one, two);
    snprintf(chain, sizeof chain, "%s%s", one_pem, two_pem);
    assert_true(parse(body, &answer));
    assert_int_equal(answer.code, 2);
    assert_string_equal(answer.order_number, "12repl#1");
    assert_int_equal(answer.not_before_s, 1767225600);
    assert_int_equal(answer.not_after_s, 1784419200);
    assert_string_equal(answer.fqdn, "a.example");
    assert_string_equal(answer.certificate, leaf_pem);
    assert_string_equal(answer.ca_certificates, chain);
    assert_string_equal(answer.certificate_status, "Issued");
    assert_string_equal(answer.validation_status, "Done");
    assert_string_equal(answer.mdc_domain_details, "a.example,Validated");
    assert_int_equal(answer.csr_status, 1);
    assert_int_equal(answer.dcv_status, 2);
    sectigo_collect_clear(&answer);
    free(leaf);
    free(one);
    free(two);
    free(leaf_pem);
    free(one_pem);
    free(two_pem);
}

static void test_pending_and_refused(void **state)
{
    struct sectigo_collect_answer answer;
    (void)state;

    assert_true(parse("errorCode=0&orderNumber=12&dcvStatus=1&csrStatus=7", &answer));
    assert_int_equal(answer.code, 0);
    assert_int_equal(answer.dcv_status, 1);
    assert_int_equal(answer.csr_status, -2);
    assert_null(answer.certificate);
    sectigo_collect_clear(&answer);
    assert_true(parse("errorCode=-20&errorMessage=Rejected", &answer));
    assert_int_equal(answer.code, -20);
    assert_int_equal(answer.dcv_status, -2);
    assert_string_equal(answer.message, "Rejected");
    sectigo_collect_clear(&answer);
    assert_true(parse("errorCode=1&fqdn=", &answer));
    assert_string_equal(answer.fqdn, "");
    sectigo_collect_clear(&answer);
}

static void test_other_containers(void **state)
{
    struct sectigo_collect_answer answer;
    (void)state;

    assert_true(parse("errorCode=2&zipFile=UEsD+w==", &answer));
    assert_string_equal(answer.zip_file, "UEsD+w==");
    sectigo_collect_clear(&answer);
    assert_true(parse("errorCode=2&pkcs7=MII+&netscapeCertificateSequence=MA+A", &answer));
    assert_string_equal(answer.pkcs7, "MII+");
    assert_string_equal(answer.netscape_sequence, "MA+A");
    sectigo_collect_clear(&answer);
}

static void test_no_answer(void **state)
{
    static const char *const bodies[] = {
        "",
        "Internal Server Error",
        "<html>",
        "certificate=MAA=",
        "errorCode=2",
        "errorCode=2&certificate=",
        "errorCode=2&certificate=notbase64!",
        "errorCode=2&certificate=MAUBAQ%3D%3D", /* cut: says five octets, has two */
        "errorCode=2&certificate=MAA%3D&caCertificate=MAUB",
        "errorCode=2&certificate=MAA%3D&certificate=MAA%3D",
        "errorCode=2&certificate=-----BEGIN CERTIFICATE-----MAA%3D",
        "errorCode=2&certificate=-----BEGIN CERTIFICATE-----MAA%3D-----END",
        "errorCode=2&certificate=MA=A",
        "errorCode=2&certificate=====",
    };
    struct sectigo_collect_answer answer;
    (void)state;

    for (size_t i = 0; i < COUNT(bodies); i++)
        if (parse(bodies[i], &answer))
            fail_msg("\"%s\" was taken for an answer", bodies[i]);
}

/* Lengths of two octets, as all real certificates have them: whole, one octet short, one too many. */
static void test_long_object(void **state)
{
    uint8_t der[4 + 300 + 1] = {0x30, 0x82, 0x01, 0x2c};
    (void)state;

    for (size_t len = sizeof der - 2; len <= sizeof der; len++) {
        struct sectigo_collect_answer answer;
        char base64[500], body[600];

        EVP_EncodeBlock((unsigned char *)base64, der, (int)len);
        snprintf(body, sizeof body, "errorCode=2&certificate=%s", base64);
        assert_int_equal(parse(body, &answer), len == 304);
        sectigo_collect_clear(&answer);
    }
}

static void test_newline_form(void **state)
{
    char *root = pem_of("MAMCAQE="), *leaf = pem_of("MAMCAQI="), body[600];
    struct sectigo_collect_answer answer;
    (void)state;

    assert_true(parse_lines("0\n", (struct sectigo_collect_flags){.fqdn = true}, &answer));
    assert_int_equal(answer.code, 0);
    assert_true(parse_lines("-21\nRevoked\n", (struct sectigo_collect_flags){0}, &answer));
    assert_string_equal(answer.message, "Revoked");
    assert_true(parse_lines("1\n1767225600\n1784419200\na.example",
                            (struct sectigo_collect_flags){.validity_period = true, .fqdn = true}, &answer));
    assert_int_equal(answer.not_after_s, 1784419200);
    assert_string_equal(answer.fqdn, "a.example");
    sectigo_collect_clear(&answer);
    snprintf(body, sizeof body, "2\na.example\n%s%s", root, leaf);
    assert_true(parse_lines(body, (struct sectigo_collect_flags){.query_type = 1, .fqdn = true}, &answer));
    assert_string_equal(answer.certificate, leaf);
    assert_string_equal(answer.ca_certificates, root);
    sectigo_collect_clear(&answer);
    snprintf(body, sizeof body, "2\n%s%s", root, leaf);
    assert_true(parse_lines(body, (struct sectigo_collect_flags){.query_type = 3}, &answer));
    assert_null(answer.certificate);
    assert_non_null(strstr(answer.ca_certificates, leaf));
    sectigo_collect_clear(&answer);
    snprintf(body, sizeof body, "2\n%sIssued and fine\n", leaf);
    assert_true(parse_lines(body, (struct sectigo_collect_flags){.query_type = 2, .ext_status = true}, &answer));
    assert_string_equal(answer.certificate, leaf);
    assert_null(answer.ca_certificates);
    assert_string_equal(answer.certificate_status, "Issued and fine");
    sectigo_collect_clear(&answer);
    free(root);
    free(leaf);
}

static void test_no_newline_form(void **state)
{
    static const struct {
        const char *body;
        struct sectigo_collect_flags flags;
    } cases[] = {
        {"", {0}},
        {"<html>", {0}},
        {"errorCode=0", {0}},
        {"0\nmore", {0}},
        {"3\n", {0}},
        {"1\n1767225600", {.validity_period = true}},
        {"1\n", {.fqdn = true}},
        {"2\n", {0}},
        {"2\nmore", {0}},
        {"2\n-----BEGIN CERTIFICATE-----\nMAUBAQ==\n-----END CERTIFICATE-----\n", {0}},
        {"2\n-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n", {.ext_status = true}},
        {"2\na.example\n-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\nx",
         {.ext_status = true, .fqdn = true}},
    };
    struct sectigo_collect_answer answer;
    (void)state;

    for (size_t i = 0; i < COUNT(cases); i++)
        if (parse_lines(cases[i].body, cases[i].flags, &answer))
            fail_msg("\"%s\" was taken for an answer", cases[i].body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_spellings_of_a_certificate),
        cmocka_unit_test(test_whole_answer),
        cmocka_unit_test(test_pending_and_refused),
        cmocka_unit_test(test_other_containers),
        cmocka_unit_test(test_no_answer),
        cmocka_unit_test(test_long_object),
        cmocka_unit_test(test_newline_form),
        cmocka_unit_test(test_no_newline_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
