/* Where a redirect of http-01 points to. */
#include <stdlib.h>
#include <string.h>

#include "gateway/egress/fetch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[EGRESS_URL_MAX + 64], reason[EGRESS_REASON_MAX] = "";
    struct egress_url url, again;
    if (size >= sizeof text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    if (!egress_url_parse(text, &url, reason)) {
        if (reason[0] == '\0')
            abort();
        return 0;
    }
    if (strncmp(url.text, url.https ? "https://" : "http://", url.https ? 8 : 7) != 0 || strchr(url.text, '#') != NULL)
        abort();
    if (url.host[0] == '\0' || strpbrk(url.host, "/@[]?#% \t\r\n") != NULL)
        abort();
    if (!egress_url_parse(url.text, &again, reason) || strcmp(again.host, url.host) != 0 || again.port != url.port)
        abort(); /* what we send is what we judged */
    return 0;
}
