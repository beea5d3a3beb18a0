#include "gateway/operate/ctl/remote.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { FIELD_SIZE = 512 };

static const char FIELD[] = "Authorization: Bearer ";

/* The first line of the file, behind the field's name. False: said what is wrong. */
static bool read_token(const char *path, char field[static FIELD_SIZE])
{
    char *token = field + sizeof FIELD - 1;
    struct stat about;
    FILE *file = fopen(path, "r");
    memcpy(field, FIELD, sizeof FIELD);
    bool good = file && fgets(token, FIELD_SIZE - (int)sizeof FIELD, file);
    if (!good)
        fprintf(stderr, "acmegatectl: %s: %s\n", path, file ? "no token stands there" : strerror(errno));
    bool open_to_all = good && fstat(fileno(file), &about) == 0 && (about.st_mode & (S_IROTH | S_IWOTH));
    if (open_to_all)
        fprintf(stderr, "acmegatectl: %s can be read by every user of this machine; chmod o= it\n", path);
    if (file)
        fclose(file);
    good = good && !open_to_all;
    token[good ? strcspn(token, " \t\r\n") : 0] = '\0';
    if (good && !token[0])
        fprintf(stderr, "acmegatectl: %s: the token is to stand in the first line\n", path);
    return good && token[0];
}

bool remote_set(CURL *easy, const struct asked *asked, struct curl_slist **headers)
{
    char field[FIELD_SIZE];
    if (!read_token(asked->token_file, field))
        return false;
    struct curl_slist *more = curl_slist_append(*headers, field);
    explicit_bzero(field, sizeof field);
    if (!more) {
        fprintf(stderr, "acmegatectl: out of memory\n");
        return false;
    }
    *headers = more;
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, *headers);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https");
    if (asked->ca)
        curl_easy_setopt(easy, CURLOPT_CAINFO, asked->ca);
    if (asked->ca)
        curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    return true;
}

void remote_complain(const struct asked *asked, CURLcode code, const char *more)
{
    fprintf(stderr, "acmegatectl: %s: %s%s%s: is this the gateway's admin.listen (--url), and its authority (--ca)?\n",
            asked->url, curl_easy_strerror(code), more[0] ? ": " : "", more);
}
