/* verdict: filling a verdict. Internal to sectigo/. */
#ifndef SECTIGO_VERDICT_H
#define SECTIGO_VERDICT_H

#include "sectigo/parameter.h"

/* Always false, so that a check can end with it. */
__attribute__((format(printf, 4, 5))) bool sectigo_refuse(struct sectigo_verdict *verdict, int code,
                                                          const char *parameter, const char *format, ...);

#endif
