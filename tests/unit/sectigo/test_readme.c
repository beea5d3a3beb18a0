/* sectigo/README.md lists every call, parameter, product and code with the test that covers it. "--print" writes the
 * tables as they must stand there. */
#include "cases.h"

#include <unistd.h>

#include "sectigo/code.h"
#include "sectigo/parameter.h"
#include "sectigo/result.h"

/* A file of the tree; TEST_DATA is <tree>/tests/unit/sectigo/data. */
static const char *in_tree(const char *file)
{
    static char path[1024];
    size_t root = strlen(TEST_DATA) - strlen("tests/unit/sectigo/data");

    snprintf(path, sizeof path, "%.*s%s", (int)root, TEST_DATA, file);
    return path;
}

typedef void line_fn(const char *line, void *ctx);

struct writer {
    line_fn *write;
    void *ctx;
};

__attribute__((format(printf, 2, 3))) static void row(const struct writer *writer, const char *format, ...)
{
    char line[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    writer->write(line, writer->ctx);
}

static const struct {
    const char *parser, *test;
} answers[SECTIGO_CALLS] = {
    [SECTIGO_AUTO_APPLY_ORDER] = {"sectigo_parse_order", "test_answer"},
    [SECTIGO_AUTO_REPLACE_SSL] = {"sectigo_parse_order", "test_answer"},
    [SECTIGO_COLLECT_SSL] = {"sectigo_parse_collect, sectigo_parse_collect_lines", "test_collect"},
    [SECTIGO_GET_DETAILED_ORDER_STATUS] = {"sectigo_parse_report", "test_report"},
    [SECTIGO_AUTO_REVOKE_SSL] = {"sectigo_parse_result", "test_result"},
    [SECTIGO_AUTO_REJECT] = {"sectigo_parse_result", "test_result"},
    [SECTIGO_GET_ACCOUNT_BALANCE] = {"sectigo_parse_balance", "test_result"},
    [SECTIGO_AUTO_UPDATE_DCV] = {"sectigo_parse_result", "test_result"},
    [SECTIGO_GET_MDC_DOMAIN_DETAILS] = {"sectigo_parse_mdc", "test_dcv"},
    [SECTIGO_AUTO_REFUND] = {"sectigo_parse_result", "test_result"},
    [SECTIGO_WEB_HOST_REPORT] = {"sectigo_parse_report", "test_report"},
    [SECTIGO_RETRY_CAA_CHECK] = {"sectigo_parse_result", "test_result"},
    [SECTIGO_RESEND_DCV_EMAIL] = {"sectigo_parse_result", "test_result"},
    [SECTIGO_GET_DCV_EMAIL_ADDRESS_LIST] = {"sectigo_parse_dcv_addresses", "test_dcv"},
    [SECTIGO_DECODE_CSR] = {"sectigo_parse_decoded_csr", "test_result"},
    [SECTIGO_MODIFY_THIRD_PARTY_DETAILS] = {"sectigo_parse_result", "test_result"},
    [SECTIGO_SL_GET_UPGRADE_COST] = {"sectigo_parse_upgrade_cost", "test_result"},
    [SECTIGO_AUTO_AUTHORIZE] = {"sectigo_parse_authorization", "test_result"},
};

static void write_calls(const struct writer *writer)
{
    row(writer, "| call | path | connection | answer read by | tests |");
    row(writer, "|---|---|---|---|---|");
    for (unsigned i = 0; i < SECTIGO_CALLS; i++) {
        const struct sectigo_call_info *info = sectigo_call_info((enum sectigo_call_kind)i);

        row(writer, "| %s | `%s` | %s | %s | %s, %s |", info->name, info->path,
            info->changes ? "fresh" : "may be reused", answers[i].parser, answers[i].test,
            i == SECTIGO_AUTO_APPLY_ORDER ? "test_request" : "test_calls");
    }
}

static void write_parameters(const struct writer *writer)
{
    static const char *const types[] = {"string", "integer", "char"};
    size_t count;
    const struct sectigo_parameter *parameters = sectigo_parameters(&count);

    row(writer, "| AutoApplyOrder parameter | type | characters | allowed | may be sent with | needed for | tests |");
    row(writer, "|---|---|---|---|---|---|---|");
    for (size_t i = 0; i < count; i++) {
        const struct sectigo_parameter *at = &parameters[i];
        char limit[64] = "";

        if (at->guardian_max)
            snprintf(limit, sizeof limit, "%zu (HackerGuardian, HackerProof: %zu)", at->max, at->guardian_max);
        else if (at->max)
            snprintf(limit, sizeof limit, "%zu", at->max);
        row(writer, "| %s | %s | %s | %s | %s | %s | test_request |", at->name, types[at->type], limit,
            at->allowed ? at->allowed : "", at->used_with->words, at->required ? at->required->words : "");
    }
}

static void write_call_parameters(const struct writer *writer)
{
    static const char *const needs[] = {"", "yes", "one of these", "one of the methods"};
    size_t count;
    const struct sectigo_call_parameter *rows = sectigo_call_parameters(&count);

    row(writer, "| call | parameter | characters | allowed | needed | tests |");
    row(writer, "|---|---|---|---|---|---|");
    for (unsigned call = 0; call < SECTIGO_CALLS; call++) {
        for (size_t i = 0; i < count; i++) {
            char limit[32] = "";

            if (!(rows[i].calls & 1u << call))
                continue;
            if (rows[i].max)
                snprintf(limit, sizeof limit, "%zu", rows[i].max);
            row(writer, "| %s | %s | %s | %s | %s | test_calls |",
                sectigo_call_info((enum sectigo_call_kind)call)->name, rows[i].name, limit,
                rows[i].allowed ? rows[i].allowed : "", needs[rows[i].need]);
        }
    }
}

static void write_products(const struct writer *writer)
{
    size_t count;
    const struct sectigo_product *products = sectigo_products(&count);

    row(writer, "| product | name | family | validation | shape | trial | days | tests |");
    row(writer, "|---|---|---|---|---|---|---|---|");
    for (size_t i = 0; i < count; i++) {
        const struct sectigo_product *at = &products[i];
        char code[32], days[128] = "";

        snprintf(code, sizeof code, at->pair ? "%d,%d" : "%d", at->code, at->pair);
        for (const int *term = at->days; term && *term; term++)
            snprintf(days + strlen(days), sizeof days - strlen(days), "%s%d", *days ? " " : "", *term);
        row(writer, "| %s | %s | %s | %s | %s | %s | %s | test_product |", code, at->name,
            sectigo_family_name(at->family), sectigo_validation_name(at->validation), sectigo_shape_name(at->shape),
            at->trial ? "yes" : "",
            *days                              ? days
            : sectigo_product_without_term(at) ? "none"
                                               : "any");
    }
}

static void call_names(unsigned calls, char *out, size_t size)
{
    *out = '\0';
    for (unsigned i = 0; i < SECTIGO_CALLS; i++)
        if (calls & 1u << i)
            snprintf(out + strlen(out), size - strlen(out), "%s%s", *out ? ", " : "",
                     sectigo_call_info((enum sectigo_call_kind)i)->name);
    if (calls == (1u << SECTIGO_CALLS) - 1)
        snprintf(out, size, "every call");
}

static void family_names(unsigned families, char *out, size_t size)
{
    *out = '\0';
    for (unsigned i = 0; 1u << i < SECTIGO_FAMILIES; i++)
        if (families & 1u << i)
            snprintf(out + strlen(out), size - strlen(out), "%s%s", *out ? ", " : "",
                     sectigo_family_name((enum sectigo_family)(1u << i)));
    if (families == SECTIGO_FAMILIES)
        snprintf(out, size, "all");
    else if (families == SECTIGO_CERTIFICATES)
        snprintf(out, size, "SSL certificates");
}

/* Which add-on goes with which licence. */
static void write_add_ons(const struct writer *writer)
{
    static const char *const words[] = {
        [SECTIGO_TAKES_NOT] = "no", [SECTIGO_TAKES] = "yes", [SECTIGO_TAKES_PERHAPS] = "not known"};
    size_t count;
    const struct sectigo_product *products = sectigo_products(&count);

    row(writer, "| SiteLock licence | tier | add-on | taken | tests |");
    row(writer, "|---|---|---|---|---|");
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; products[i].family == SECTIGO_SITELOCK && j < count; j++)
            if (products[j].family == SECTIGO_SITELOCK_ADDON)
                row(writer, "| %d | %d | %d | %s | test_product |", products[i].code,
                    sectigo_sitelock_tier(products[i].code), products[j].code,
                    words[sectigo_sitelock_takes(products[i].code, products[j].code)]);
}

static void write_codes(const struct writer *writer)
{
    size_t count;
    const struct sectigo_code *codes = sectigo_codes(&count);

    row(writer, "| code | calls | products | class | text | ACME problem | from | tests |");
    row(writer, "|---|---|---|---|---|---|---|---|");
    for (size_t i = 0; i < count; i++) {
        const char *problem = sectigo_code_problem(&codes[i]);
        char calls[256], families[256];

        call_names(codes[i].calls, calls, sizeof calls);
        family_names(codes[i].families, families, sizeof families);
        row(writer, "| %d | %s | %s | %s | %s | %s | %s | test_code |", codes[i].code, calls, families,
            sectigo_class_name(codes[i].meaning), codes[i].text, problem ? problem : "", codes[i].source);
    }
}

static void write_refunds(const struct writer *writer)
{
    row(writer, "| refund reason | text | tests |");
    row(writer, "|---|---|---|");
    for (int i = 1; i <= 11; i++)
        row(writer, "| %d | %s | test_result, test_calls |", i, sectigo_refund_reason(i));
}

static void write_all(const struct writer *writer)
{
    static void (*const tables[])(const struct writer *) = {
        write_calls, write_parameters, write_call_parameters, write_products, write_add_ons, write_codes, write_refunds,
    };

    for (size_t i = 0; i < COUNT(tables); i++) {
        if (i > 0)
            row(writer, "%s", "");
        tables[i](writer);
    }
}

static void print_line(const char *line, void *ctx)
{
    fprintf(ctx, "%s\n", line);
}

struct expectation {
    const char *readme;
    size_t missing;
};

static void expect_line(const char *line, void *ctx)
{
    struct expectation *expectation = ctx;
    char whole[1100];

    snprintf(whole, sizeof whole, "\n%s\n", line);
    if (*line && !strstr(expectation->readme, whole)) {
        print_error("sectigo/README.md lacks: %s\n", line);
        expectation->missing++;
    }
}

static char *read_readme(void)
{
    FILE *file = fopen(in_tree("sectigo/README.md"), "r");
    char *text = calloc(1, 256 * 1024);

    assert_non_null(file);
    assert_true(fread(text, 1, 256 * 1024 - 1, file) > 0);
    fclose(file);
    return text;
}

static void test_readme_holds_each_row(void **state)
{
    char *readme = read_readme();
    struct expectation expectation = {.readme = readme};
    (void)state;

    write_all(&(struct writer){.write = expect_line, .ctx = &expectation});
    free(readme);
    assert_int_equal(expectation.missing, 0);
}

/* A row left behind by what is no more would stand in the file as well: the count of rows must agree. */
static void count_line(const char *line, void *ctx)
{
    *(size_t *)ctx += *line == '|';
}

static void test_readme_holds_nothing_else(void **state)
{
    char *readme = read_readme();
    size_t expected = 0, found = 0;
    (void)state;

    write_all(&(struct writer){.write = count_line, .ctx = &expected});
    char *tables = strstr(readme, "\n## Everything, and its test\n");
    assert_non_null(tables);
    for (char *at = tables; (at = strstr(at, "\n|")); at++)
        found++;
    free(readme);
    assert_int_equal(found, expected);
}

static void test_named_tests_exist(void **state)
{
    static const char *const names[] = {"answer", "collect", "report",  "result", "dcv",
                                        "calls",  "request", "product", "code",   "push"};
    (void)state;

    for (size_t i = 0; i < COUNT(names); i++) {
        char file[64];

        snprintf(file, sizeof file, "tests/unit/sectigo/test_%s.c", names[i]);
        assert_int_equal(access(in_tree(file), R_OK), 0);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_readme_holds_each_row),
        cmocka_unit_test(test_readme_holds_nothing_else),
        cmocka_unit_test(test_named_tests_exist),
    };

    if (argc == 2 && strcmp(argv[1], "--print") == 0) {
        write_all(&(struct writer){.write = print_line, .ctx = stdout});
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
