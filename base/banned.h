/*
 * banned.h - calls that are refused at compile time, and what to use instead. Included before
 * every C file by the Makefile; system headers that use the names themselves come first.
 */
#ifndef FK_BASE_BANNED_H
#define FK_BASE_BANNED_H
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#pragma GCC poison strcpy strcat strncpy strncat sprintf vsprintf gets strtok system popen tmpnam  \
    mktemp
#endif
