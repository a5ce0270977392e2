// Every kernel, as one translation unit: one image to load.
#include "rows.cu"
#include "scan_f32.cu"
#include "limit.cu"
#include "select.cu"
#include "scan_bf16.cu"
#include "refine.cu"
