#include "sectigo/cli/parameters.h"

#include <string.h>
#include <strings.h>

#include "sectigo/cli/options.h"
#include "sectigo/parameter.h"

/* Too long for a command line, or not to be seen on one. */
static void set_source(struct parameter *parameter)
{
    parameter->secret = strcasecmp(parameter->name, "appRepLoginPassword") == 0;
    parameter->from_file = parameter->secret || strcasecmp(parameter->name, "csr") == 0;
}

static bool is_login(const char *name)
{
    return strcasecmp(name, "loginName") == 0 || strcasecmp(name, "loginPassword") == 0;
}

static bool apply_parameter(size_t n, struct parameter *parameter)
{
    size_t count;
    const struct sectigo_parameter *table = sectigo_parameters(&count);

    for (size_t i = 0; i < count; i++) {
        if (is_login(table[i].name) || n-- > 0)
            continue;
        *parameter = (struct parameter){
            .name = table[i].name,
            .max = table[i].max,
            .allowed = table[i].allowed,
            .used_with = table[i].used_with->words,
            .needed = table[i].required ? table[i].required->words : NULL,
        };
        set_source(parameter);
        return true;
    }
    return false;
}

static const char *need_words(enum sectigo_need need)
{
    static const char *const words[] = {
        [SECTIGO_OPTIONAL] = NULL,
        [SECTIGO_REQUIRED] = "every call",
        [SECTIGO_ONE_OF] = "every call, or another that names the certificate",
        [SECTIGO_ONE_METHOD] = "every call, or the other of newMethod and newMethods",
    };
    return words[need];
}

static bool other_parameter(enum sectigo_call_kind call, size_t n, struct parameter *parameter)
{
    size_t count;
    const struct sectigo_call_parameter *table = sectigo_call_parameters(&count);

    for (size_t i = 0; i < count; i++) {
        if (!(table[i].calls & 1u << call) || is_login(table[i].name) || n-- > 0)
            continue;
        const struct sectigo_parameter *known = sectigo_parameter_find(table[i].name);
        bool as_apply = known && !table[i].max && !table[i].allowed && !table[i].fits;
        *parameter = (struct parameter){
            .name = table[i].name,
            .max = as_apply ? known->max : table[i].max,
            .allowed = as_apply ? known->allowed : table[i].allowed,
            .needed = need_words(table[i].need),
        };
        set_source(parameter);
        return true;
    }
    return false;
}

bool parameter_at(enum sectigo_call_kind call, size_t n, struct parameter *parameter)
{
    if (call == SECTIGO_CALLS)
        return false;
    return call == SECTIGO_AUTO_APPLY_ORDER ? apply_parameter(n, parameter) : other_parameter(call, n, parameter);
}

bool parameter_find(enum sectigo_call_kind call, const char *spelling, size_t len, struct parameter *parameter)
{
    for (size_t n = 0; parameter_at(call, n, parameter); n++)
        if (option_same(parameter->name, spelling, len))
            return true;
    return false;
}
