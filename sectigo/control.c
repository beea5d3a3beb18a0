#include "sectigo/control.h"

#include "sectigo/dcv.h"
#include "sectigo/verdict.h"

enum { WORD_MAX = 300 };

/* ---- lists ---- */

static bool separator(char c)
{
    return c == ',' || c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool sectigo_list_next(const char **list, char *word, size_t size)
{
    size_t len = 0;

    while (**list && separator(**list))
        ++*list;
    if (!**list)
        return false;
    for (; **list && !separator(**list); ++*list)
        if (len + 1 < size)
            word[len++] = **list;
    word[len] = '\0';
    return true;
}

size_t sectigo_list_count(const char *list)
{
    char word[2];
    size_t count = 0;

    while (sectigo_list_next(&list, word, sizeof word))
        count++;
    return count;
}

/* ---- methods and names ---- */

static const char *given_in_form(const struct sectigo_form *form, const char *name)
{
    const char *value = name ? sectigo_form_get(form, name) : NULL;
    return value && *value ? value : NULL;
}

/* A method, or an e-mail address: then *email is it. */
static enum sectigo_dcv_method read_method(const char *word, const char **email)
{
    enum sectigo_dcv_method method;

    *email = NULL;
    if (sectigo_dcv_method_read(word, &method))
        return method;
    *email = word;
    return SECTIGO_DCV_EMAIL;
}

static bool check_one(const char *parameter, const char *email_parameter, enum sectigo_dcv_method method,
                      const char *email, const char *name, struct sectigo_verdict *verdict)
{
    if (!sectigo_dcv_method_fits(method, name))
        return sectigo_refuse(verdict, -4, parameter, "%s: %s cannot prove %.64s", parameter,
                              sectigo_dcv_method_name(method), name);
    if (method == SECTIGO_DCV_EMAIL && email && !sectigo_dcv_email_fits(email, name))
        return sectigo_refuse(verdict, -4, email_parameter,
                              "%s: %.64s is not admin, administrator, hostmaster, postmaster or webmaster at %.64s or "
                              "at a domain above it",
                              email_parameter, email, name);
    return true;
}

static bool check_tokens(const char *parameter, const char *tokens, const char *names, struct sectigo_verdict *verdict)
{
    char name[WORD_MAX], word[WORD_MAX] = "";
    const char *email, *first = tokens;
    bool for_all = sectigo_list_next(&first, word, sizeof word) && sectigo_dcv_token_for_all(word);

    while (sectigo_list_next(&names, name, sizeof name) && (for_all || sectigo_list_next(&tokens, word, sizeof word))) {
        enum sectigo_dcv_method method = read_method(word, &email);

        if (!check_one(parameter, parameter, method, email, name, verdict))
            return false;
    }
    return true;
}

bool sectigo_control_check(const struct sectigo_form *form, const struct sectigo_control *control, const char *names,
                           struct sectigo_verdict *verdict)
{
    const char *tokens = given_in_form(form, control->tokens), *said = given_in_form(form, control->method);
    const char *email = given_in_form(form, control->email);
    enum sectigo_dcv_method method = SECTIGO_DCV_EMAIL;
    char name[WORD_MAX];

    if (!names)
        return true;
    if (tokens)
        return check_tokens(control->tokens, tokens, names, verdict);
    if (!said && !email)
        return true;
    if (said && !sectigo_dcv_method_read(said, &method))
        return true; /* its value is judged elsewhere */
    while (sectigo_list_next(&names, name, sizeof name))
        if (!check_one(said ? control->method : control->email, control->email, method, email, name, verdict))
            return false;
    return true;
}

bool sectigo_control_check_order(const struct sectigo_form *form, const char *names, struct sectigo_verdict *verdict)
{
    struct sectigo_control control = {.tokens = given_in_form(form, "validationTokens") ? "validationTokens"
                                                                                        : "dcvEmailAddresses",
                                      .method = "dcvMethod",
                                      .email = "dcvEmailAddress"};

    return sectigo_control_check(form, &control, names, verdict);
}
