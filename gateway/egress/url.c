#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/egress/fetch.h"

static bool refuse_url(char reason[static EGRESS_REASON_MAX], const char *why)
{
    snprintf(reason, EGRESS_REASON_MAX, "%s", why);
    return false;
}

static bool lack_memory(struct egress_url *url, char reason[static EGRESS_REASON_MAX])
{
    url->no_memory = true;
    return refuse_url(reason, "there is no memory to read it");
}

/* "4" and "0x7f.1" are addresses to libcurl, unless they were hidden from its reading by percent signs: a host whose
 * last label begins with a digit is an address in full, or nothing. */
static bool is_half_an_address(const char *host)
{
    const char *dot = strrchr(host, '.');
    char first = dot != NULL ? dot[1] : host[0];
    return first >= '0' && first <= '9' && !egress_address_parse(host, NULL);
}

static bool take_host(char *text, struct egress_url *url)
{
    size_t len = strlen(text);
    if (text[0] == '[' && text[len - 1] == ']') {
        text[len - 1] = '\0';
        text++;
        if (!egress_address_parse(text, NULL))
            return false;
    } else if (strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") != len ||
               is_half_an_address(text)) {
        return false;
    }
    return snprintf(url->host, sizeof url->host, "%s", text) < (int)sizeof url->host;
}

struct parts {
    char *scheme, *host, *zone, *port, *user, *text;
};

static bool judge_parts(const struct parts *parts, struct egress_url *url, char reason[static EGRESS_REASON_MAX])
{
    url->https = strcmp(parts->scheme, "https") == 0;
    url->port = parts->port != NULL ? (uint16_t)strtoul(parts->port, NULL, 10) : 0;
    if (!url->https && strcmp(parts->scheme, "http") != 0)
        return refuse_url(reason, "its scheme is neither http nor https");
    if (parts->user != NULL)
        return refuse_url(reason, "it names a user");
    if (parts->zone != NULL || !take_host(parts->host, url))
        return refuse_url(reason, "its host is neither a DNS name nor an address");
    if (parts->port != NULL && url->port == 0)
        return refuse_url(reason, "its port is 0");
    if (snprintf(url->text, sizeof url->text, "%s", parts->text) >= (int)sizeof url->text)
        return refuse_url(reason, "it is too long");
    return true;
}

static bool take_parts(CURLU *from, struct egress_url *url, char reason[static EGRESS_REASON_MAX])
{
    struct parts parts = {0};
    curl_url_set(from, CURLUPART_FRAGMENT, NULL, 0);
    curl_url_get(from, CURLUPART_ZONEID, &parts.zone, 0);
    curl_url_get(from, CURLUPART_PORT, &parts.port, 0);
    curl_url_get(from, CURLUPART_USER, &parts.user, 0);
    CURLUcode code = curl_url_get(from, CURLUPART_SCHEME, &parts.scheme, 0);
    if (code == CURLUE_OK)
        code = curl_url_get(from, CURLUPART_HOST, &parts.host, 0);
    if (code == CURLUE_OK)
        code = curl_url_get(from, CURLUPART_URL, &parts.text, 0);
    bool good = code == CURLUE_OK              ? judge_parts(&parts, url, reason)
                : code == CURLUE_OUT_OF_MEMORY ? lack_memory(url, reason)
                                               : refuse_url(reason, "it is no URL with a host");
    char *all[] = {parts.scheme, parts.host, parts.zone, parts.port, parts.user, parts.text};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        curl_free(all[i]);
    return good;
}

bool egress_url_parse(const char *text, struct egress_url *url, char reason[static EGRESS_REASON_MAX])
{
    *url = (struct egress_url){0};
    if (strlen(text) >= EGRESS_URL_MAX)
        return refuse_url(reason, "it is too long");
    CURLU *parts = curl_url();
    CURLUcode code = parts != NULL ? curl_url_set(parts, CURLUPART_URL, text, 0) : CURLUE_OUT_OF_MEMORY;
    bool good = code == CURLUE_OK              ? take_parts(parts, url, reason)
                : code == CURLUE_OUT_OF_MEMORY ? lack_memory(url, reason)
                                               : refuse_url(reason, "it is no http or https URL");
    curl_url_cleanup(parts);
    return good;
}

bool egress_url_http(struct egress_url *url, const char *host, uint16_t port, const char *path)
{
    *url = (struct egress_url){.port = port};
    bool v6 = strchr(host, ':') != NULL;
    char port_text[8] = "";
    if (port != 80)
        snprintf(port_text, sizeof port_text, ":%u", port);
    int len =
        snprintf(url->text, sizeof url->text, "http://%s%s%s%s%s", v6 ? "[" : "", host, v6 ? "]" : "", port_text, path);
    return len < (int)sizeof url->text && snprintf(url->host, sizeof url->host, "%s", host) < (int)sizeof url->host;
}
