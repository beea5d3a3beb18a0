#include "sectigo/cli/ask.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

static bool is_yes(const char *line)
{
    return strcasecmp(line, "y") == 0 || strcasecmp(line, "yes") == 0;
}

bool ask(const struct session *session)
{
    char line[64] = "";

    if (!session->command->question || session->settings.yes)
        return true;
    char *question = session->command->question(session);
    if (!question) {
        complain(session, "out of memory");
        return false;
    }
    bool terminal = isatty(STDIN_FILENO);
    if (terminal) {
        fprintf(stderr, "%s [y/N] ", question);
        fflush(stderr);
        if (fgets(line, sizeof line, stdin))
            line[strcspn(line, "\r\n")] = '\0';
    } else {
        complain(session, "%s Nobody can be asked, as stdin is no terminal: --yes says yes", question);
    }
    free(question);
    if (terminal && !is_yes(line))
        complain(session, "not confirmed; nothing was sent");
    return terminal && is_yes(line);
}
