#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/egress_fetch.h"

static bool refuse(char reason[static EGRESS_REASON_MAX], const char *why)
{
    snprintf(reason, EGRESS_REASON_MAX, "%s", why);
    return false;
}

static bool take_host(char *text, struct egress_url *url)
{
    size_t len = strlen(text);
    if (text[0] == '[' && text[len - 1] == ']') {
        text[len - 1] = '\0';
        text++;
        if (!egress_address_parse(text, NULL))
            return false; /* with a zone, for one */
    } else if (strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") != len) {
        return false;
    }
    return snprintf(url->host, sizeof url->host, "%s", text) < (int)sizeof url->host;
}

static bool take_parts(CURLU *parts, struct egress_url *url, char reason[static EGRESS_REASON_MAX])
{
    char *scheme = NULL, *host = NULL, *port = NULL, *user = NULL, *text = NULL;
    bool good = false;
    curl_url_set(parts, CURLUPART_FRAGMENT, NULL, 0);
    if (curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
        curl_url_get(parts, CURLUPART_HOST, &host, 0) != CURLUE_OK ||
        curl_url_get(parts, CURLUPART_URL, &text, 0) != CURLUE_OK)
        refuse(reason, "it is no URL with a host");
    else if (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0)
        refuse(reason, "its scheme is neither http nor https");
    else if (curl_url_get(parts, CURLUPART_USER, &user, 0) != CURLUE_NO_USER)
        refuse(reason, "it names a user");
    else if (!take_host(host, url))
        refuse(reason, "its host is neither a DNS name nor an address");
    else if (snprintf(url->text, sizeof url->text, "%s", text) >= (int)sizeof url->text)
        refuse(reason, "it is too long");
    else
        good = true;
    if (good) {
        url->https = strcmp(scheme, "https") == 0;
        if (curl_url_get(parts, CURLUPART_PORT, &port, 0) == CURLUE_OK)
            url->port = (uint16_t)strtoul(port, NULL, 10);
    }
    curl_free(scheme), curl_free(host), curl_free(port), curl_free(user), curl_free(text);
    return good;
}

bool egress_url_parse(const char *text, struct egress_url *url, char reason[static EGRESS_REASON_MAX])
{
    *url = (struct egress_url){0};
    if (strlen(text) >= EGRESS_URL_MAX)
        return refuse(reason, "it is too long");
    CURLU *parts = curl_url();
    if (parts == NULL)
        return refuse(reason, "there is no memory to read it");
    bool good = curl_url_set(parts, CURLUPART_URL, text, 0) == CURLUE_OK ? take_parts(parts, url, reason)
                                                                         : refuse(reason, "it is no http or https URL");
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
