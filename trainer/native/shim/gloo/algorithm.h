// c10d's header of its Gloo group names these types of Gloo and never looks inside them here: what is
// declared in this folder is enough to compile a caller. The code is in libtorch.
#pragma once
