// libtorch's headers name these types of CUDA's libraries for matrices, and c10d never looks inside
// them: their wheels are a gigabyte, and these lines are enough to compile against.
#pragma once

using cusparseHandle_t = void *;
using cublasHandle_t = void *;
using cublasLtHandle_t = void *;
using cusolverDnHandle_t = void *;
enum cusparseStatus_t : int;
enum cublasStatus_t : int;
enum cusolverStatus_t : int;
