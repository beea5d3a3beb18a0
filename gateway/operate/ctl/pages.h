/* pages: lists that are longer than a page, in as much memory as a page takes. */
#ifndef CTL_PAGES_H
#define CTL_PAGES_H

#include "gateway/operate/ctl/command.h"

/* Shows the list that is asked for: one page, or all of it, or on and on; as a table, as CSV or as JSON. Says on stderr
 * what went wrong. */
enum outcome pages_show(const struct asked *asked);

#endif
