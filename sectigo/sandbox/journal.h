/* journal: the sandbox's memory, an append-only file of JSON lines.
 *
 * A line is an object with one key, the kind of thing it holds; a later line about the same thing replaces the earlier
 * one. At open the last state is written anew, so the file does not grow without end. Written with one write() a
 * line, never synced: it survives the end of the process, which is what a stand-in needs, not of the machine.
 */
#ifndef SANDBOX_JOURNAL_H
#define SANDBOX_JOURNAL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum { JOURNAL_REASON_MAX = 512 };

struct journal {
    int fd;
    char *path; /* owned */
};

/* Called for each line, oldest first; borrowed. False stops. */
typedef bool journal_read_fn(void *arg, const char *kind, json_t *value);
/* Reads what is there; a torn last line (the process died in it) is ignored. False: *reason is a sentence. */
bool journal_open(struct journal *journal, const char *path, journal_read_fn *read, void *arg,
                  char reason[static JOURNAL_REASON_MAX]);
/* Takes value. False when it was not written (disk full): said on stderr. */
bool journal_append(struct journal *journal, const char *kind, json_t *value);
/* Starts the file anew; what follows by journal_append goes to it. Ends with journal_rewritten. */
bool journal_rewrite(struct journal *journal);
bool journal_rewritten(struct journal *journal);
void journal_close(struct journal *journal);

#endif
