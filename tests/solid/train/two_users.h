/* Two users, one with a long history. */
#ifndef TESTS_SOLID_TRAIN_TWO_USERS_H
#define TESTS_SOLID_TRAIN_TWO_USERS_H

#include "solid/train/dataset.h"

#define LONG   40
#define SHORT  6
#define WINDOW 8

/* User 0 goes through items 0 .. LONG - 1, user 1 through SHORT of them. */
void two_users(solid_dataset *dataset);

#endif
