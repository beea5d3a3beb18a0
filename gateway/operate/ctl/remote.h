/* remote: a gateway elsewhere, by its admin.listen and a token. */
#ifndef CTL_REMOTE_H
#define CTL_REMOTE_H

#include <curl/curl.h>

#include "gateway/operate/ctl/command.h"

/* Sets what asked->url needs, and adds the token to *headers. False: said what is wrong. */
bool remote_set(CURL *easy, const struct asked *asked, struct curl_slist **headers);
/* Says why it could not be reached. */
void remote_complain(const struct asked *asked, CURLcode code, const char *more);

#endif
