#include "gateway/operate/ctl/pages.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "gateway/operate/ctl/csv.h"
#include "gateway/operate/ctl/exchange.h"
#include "gateway/operate/ctl/show.h"

enum { CURSOR_SIZE = 1024, FOLLOW_EVERY_S = 1 };

struct listing {
    struct asked asked;       /* with the cursor of its next page */
    char cursor[CURSOR_SIZE]; /* "": from the beginning */
    struct table table;
    bool begun; /* something is printed */
    bool whole; /* all pages are of one answer */
};

typedef void page_fn(struct listing *listing, const json_t *page, const char *text);

/* ---- what becomes of a page ---- */

static void measure(struct listing *listing, const json_t *page, const char *text)
{
    (void)text;
    table_measure(&listing->table, page);
}

static void print_rows(struct listing *listing, const json_t *page, const char *text)
{
    const struct asked *asked = &listing->asked;
    const char *next = json_string_value(json_object_get(page, "next"));
    (void)text;
    if (asked->csv) {
        csv_print(asked->command->columns, page, !listing->begun);
    } else {
        table_measure(&listing->table, page);
        table_print(&listing->table, page, !listing->begun);
    }
    listing->begun = true;
    if (next && !listing->whole)
        fprintf(stderr, "there is more: --after %s, or --all\n", next);
}

/* The items of all pages as one array. */
static void print_json(struct listing *listing, const json_t *page, const char *text)
{
    const json_t *one;
    size_t i;
    (void)text;
    json_array_foreach(json_object_get(page, "items"), i, one)
    {
        printf("%s", listing->begun ? ",\n" : "{\"items\": [\n");
        json_dumpf(one, stdout, JSON_COMPACT);
        listing->begun = true;
    }
}

static void print_text(struct listing *listing, const json_t *page, const char *text)
{
    (void)listing, (void)page;
    printf("%s\n", text);
}

/* One object a line, for programs that read along. */
static void print_lines(struct listing *listing, const json_t *page, const char *text)
{
    const json_t *one;
    size_t i;
    (void)listing, (void)text;
    json_array_foreach(json_object_get(page, "items"), i, one)
    {
        json_dumpf(one, stdout, JSON_COMPACT);
        printf("\n");
    }
}

/* ---- pages ---- */

/* The cursor behind this page, for what is asked next; false: the page is the last. */
static bool move_on(struct listing *listing, const json_t *page)
{
    const char *next = json_string_value(json_object_get(page, "next"));
    const char *last = json_string_value(json_object_get(page, "last"));
    if (next || last)
        snprintf(listing->cursor, sizeof listing->cursor, "%s", next ? next : last);
    listing->asked.after = listing->cursor[0] ? listing->cursor : listing->asked.after;
    return next != NULL;
}

static bool written(void)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return true;
    fprintf(stderr, "acmegatectl: the answer cannot be written\n");
    return false;
}

/* Until the last page where all are wanted. */
static enum outcome each_page(struct listing *listing, page_fn *fn)
{
    enum outcome outcome;
    bool more = true;
    do {
        char *text = NULL;
        json_t *page = NULL;
        outcome = exchange(&listing->asked, &text, &page);
        if (outcome == DONE) {
            fn(listing, page, text);
            more = move_on(listing, page) && listing->whole;
            outcome = written() ? DONE : FAILED;
        }
        free(text);
        json_decref(page);
    } while (outcome == DONE && more);
    return outcome;
}

/* ---- on and on ---- */

static enum outcome follow(struct listing *listing)
{
    enum outcome outcome;
    listing->whole = true;
    if (!listing->asked.since)
        snprintf(listing->asked.since_ms, sizeof listing->asked.since_ms, "%lld", (long long)time(NULL) * 1000);
    while ((outcome = each_page(listing, listing->asked.json ? print_lines : print_rows)) == DONE)
        sleep(FOLLOW_EVERY_S);
    return outcome;
}

/* ---- all of it ---- */

/* A table is read twice, so that its columns stand in line however long it is. */
static enum outcome show_whole(struct listing *listing)
{
    const struct asked asked = listing->asked;
    enum outcome outcome = DONE;
    listing->whole = true;
    listing->asked.limit = asked.limit ? asked.limit : "1000";
    if (!asked.json && !asked.csv)
        outcome = each_page(listing, measure);
    listing->asked.after = asked.after;
    listing->cursor[0] = '\0';
    if (outcome == DONE)
        outcome = each_page(listing, asked.json ? print_json : print_rows);
    if (outcome == DONE && asked.json) {
        printf("%s", listing->begun ? "\n], \"next\": null}\n" : "{\"items\": [], \"next\": null}\n");
        outcome = written() ? DONE : FAILED;
    }
    return outcome;
}

enum outcome pages_show(const struct asked *asked)
{
    struct listing listing = {.asked = *asked, .table = {.columns = asked->command->columns}};
    if (asked->follow)
        return follow(&listing);
    if (asked->all)
        return show_whole(&listing);
    return each_page(&listing, asked->json ? print_text : print_rows);
}
