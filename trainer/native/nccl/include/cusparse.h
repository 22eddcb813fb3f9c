#pragma once
#include "math_types.h"
