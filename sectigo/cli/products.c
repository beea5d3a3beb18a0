/* products: the library's catalogue. Nothing leaves the machine. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "sectigo/cli/command.h"
#include "sectigo/cli/show.h"
#include "sectigo/product.h"

static bool fits_wish(const char *wanted, const char *name)
{
    return !wanted || (name && strcasestr(name, wanted));
}

static bool is_wanted(const struct settings *settings, const struct sectigo_product *product)
{
    return fits_wish(settings->family, sectigo_family_name(product->family)) &&
           fits_wish(settings->validation, sectigo_validation_name(product->validation)) &&
           fits_wish(settings->shape, sectigo_shape_name(product->shape));
}

static void put_days(json_t *json, const struct sectigo_product *product)
{
    char text[128] = "";
    size_t len = 0;

    for (const int *days = product->days; days && *days && len + 12 < sizeof text; days++)
        len += (size_t)snprintf(text + len, sizeof text - len, "%s%d", len > 0 ? "," : "", *days);
    put_text(json, "days", *text ? text : sectigo_product_without_term(product) ? "none" : "any");
}

static json_t *product_json(const struct sectigo_product *product)
{
    json_t *json = json_object();
    char codes[32];

    snprintf(codes, sizeof codes, product->pair ? "%d,%d" : "%d", product->code, product->pair);
    put_text(json, "product", codes);
    put_text(json, "name", product->name);
    put_text(json, "family", sectigo_family_name(product->family));
    if (product->validation != SECTIGO_NO_VALIDATION)
        put_text(json, "validation", sectigo_validation_name(product->validation));
    if (product->shape != SECTIGO_NO_SHAPE)
        put_text(json, "shape", sectigo_shape_name(product->shape));
    if (product->trial)
        json_object_set_new(json, "trial", json_true());
    put_days(json, product);
    return json;
}

static enum outcome run_products(struct session *session)
{
    static const char *const columns[] = {"product", "name", "family", "validation", "shape", "trial", "days", NULL};
    static const struct show_table table = {"products", NULL, columns};
    size_t count;
    const struct sectigo_product *products = sectigo_products(&count);
    json_t *json = json_object(), *list = put_array(json, "products");

    for (size_t i = 0; i < count; i++)
        if (is_wanted(&session->settings, &products[i]))
            json_array_append_new(list, product_json(&products[i]));
    if (json_array_size(list) == 0)
        complain(session, "no product is like that");
    return show(session, json, &table, OUTCOME_DONE) ? OUTCOME_DONE : OUTCOME_LOCAL;
}

const struct command products_command = {
    .name = "products",
    .summary = "what can be ordered: codes, names and terms; nothing is sent",
    .call = SECTIGO_CALLS,
    .groups = OPTIONS_CATALOGUE,
    .run = run_products,
};
