/* config_keys: every key of the configuration, one a line: its path, what may stand there, what is read when it is
 * absent, whether it has to be there, and whether only a restart changes it; between tabs. deploy/manual/reference
 * makes the page of it. */
#include <stdio.h>
#include <string.h>

#include "gateway/config/internal.h"

static void print_words(const struct config_word *words)
{
    for (const struct config_word *word = words; word->word; word++)
        printf("%s`%s`", word == words ? "" : word[1].word ? ", " : " or ", word->word);
}

static void print_durations(uint64_t min, uint64_t max)
{
    char from[32], to[32];
    config_duration_text(min, from);
    config_duration_text(max, to);
    printf("a duration from %s to %s", from, to);
}

static void print_value(const struct config_key *key)
{
    static const char *const same[] = {[CONFIG_SECRET] = "a file whose first line is the secret",
                                       [CONFIG_PORT] = "a port",
                                       [CONFIG_MONEY] = "an amount, such as 35 or 35.00",
                                       [CONFIG_RECORDS] = NULL};
    if (same[key->kind])
        fputs(same[key->kind], stdout);
    else if (key->kind == CONFIG_LIST)
        printf("a list; each is %s", key->expected);
    else if (key->kind == CONFIG_NUMBER)
        printf("a number from %llu to %llu", (unsigned long long)key->min, (unsigned long long)key->max);
    else if (key->kind == CONFIG_MS || key->kind == CONFIG_S)
        print_durations(key->min, key->max);
    else if (key->words) {
        fputs(key->kind == CONFIG_WORDS ? "a list of " : "", stdout);
        print_words(key->words);
    } else {
        fputs(key->expected, stdout);
    }
}

static void print_standard(const struct config_key *key)
{
    if (key->kind != CONFIG_WORDS) {
        fputs(key->standard ? key->standard : "", stdout);
        return;
    }
    for (uint64_t i = 0; i < key->min; i++)
        printf("%s%s", i ? ", " : "", key->words[i].word);
}

static void print_table(const struct config_table *table, const char *path, bool restart)
{
    for (unsigned i = 0; i < table->count; i++) {
        const struct config_key *key = &table->keys[i];
        char below[CONFIG_PATH_MAX], name[64];
        snprintf(name, sizeof name, "%s%s", key->name, key->kind == CONFIG_RECORDS ? "[]" : "");
        config_join(below, path, name);
        if (key->table) {
            print_table(key->table, below, restart || key->restart);
            continue;
        }
        printf("%s\t", below);
        print_value(key);
        putchar('\t');
        print_standard(key);
        printf("\t%s\t%s\n", key->required ? "required" : "", restart || key->restart ? "restart" : "");
    }
}

int main(void)
{
    print_table(&config_root, "", false);
    return fflush(stdout) == 0 ? 0 : 1;
}
