// NVIDIA's driver and libtorch_cuda as far as Marrow calls them, with the signatures of cuda.h and of libtorch's
// aoti_torch/c/shim.h. It runs nothing; it notes what it is told, one line a call, in the file of MARROW_STUB_NOTES.
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>

typedef int CUresult, CUdevice;
typedef struct CUctx_st* CUcontext;
typedef struct CUmod_st* CUmodule;
typedef struct CUfunc_st* CUfunction;
typedef struct CUstream_st* CUstream;

static CUcontext current;
static const CUcontext primary = (CUcontext)0x1000, of_torch = (CUcontext)0x2000;

static void note(const char* format, ...)
{
    FILE* file = fopen(getenv("MARROW_STUB_NOTES"), "a");
    va_list values;
    va_start(values, format);
    vfprintf(file, format, values);
    va_end(values);
    fputc('\n', file);
    fclose(file);
}

extern "C" {

CUresult cuInit(unsigned flags) { return flags == 0 ? 0 : 1; }

CUresult cuDeviceGet(CUdevice* device, int ordinal)
{
    if (ordinal != 1) return 101;
    *device = 7;
    return 0;
}

CUresult cuDeviceGetAttribute(int* value, int attribute, CUdevice device)
{
    if (device != 7) return 101;
    const char* capability = getenv("MARROW_STUB_CAPABILITY");
    *value = attribute == 75 ? atoi(capability) / 10 : attribute == 76 ? atoi(capability) % 10 : -1;
    return 0;
}

CUresult cuDevicePrimaryCtxRetain(CUcontext* context, CUdevice device)
{
    if (device != 7) return 101;
    *context = primary;
    return 0;
}

CUresult cuCtxPushCurrent_v2(CUcontext context)
{
    if (context != primary || current == primary) return 201;
    current = primary;
    return 0;
}

CUresult cuCtxPopCurrent_v2(CUcontext* context)
{
    if (current != primary) return 201;
    *context = current;
    current = of_torch;
    return 0;
}

CUresult cuDeviceGetName(char* name, int length, CUdevice device)
{
    if (device != 7) return 101;
    strncpy(name, "A stub", length);
    return 0;
}

CUresult cuMemGetInfo_v2(size_t* free, size_t* total)
{
    if (current != primary) return 201;
    *free = 3;
    *total = 10;
    return 0;
}

CUresult cuModuleLoadData(CUmodule* module, const void* image)
{
    if (current != primary) return 201;
    bool is_code = memcmp(image, "\177ELF", 4) == 0, is_ptx = strstr((const char*)image, ".version") != nullptr;
    note("load %s", is_code ? "cubin" : is_ptx ? "ptx" : "nothing known");
    if (!is_code && !is_ptx) return 200;
    *module = (CUmodule)0x3000;
    return 0;
}

CUresult cuModuleGetFunction(CUfunction* function, CUmodule module, const char* name)
{
    if (module != (CUmodule)0x3000) return 400;
    if (strcmp(name, "statsq_levels") != 0) return 500;
    *function = (CUfunction)0x4000;
    return 0;
}

CUresult cuLaunchKernel(
    CUfunction function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned shared,
    CUstream stream, void** values, void** extra)
{
    if (current != primary) return 201;
    if (function != (CUfunction)0x4000 || extra) return 400;
    // statsq_levels(w, levels, worth, rows, columns, n, is_halved)
    note("launch %u %u %u, %u %u %u, shared %u, stream %p: rows %lld, columns %lld, n %g, is_halved %d", gx, gy, gz, bx,
         by, bz, shared, (void*)stream, *(long long*)values[3], *(long long*)values[4], *(float*)values[5],
         *(int*)values[6]);
    return gx > 1000 ? 1 : 0;
}

CUresult cuGetErrorString(CUresult code, const char** text)
{
    *text = code == 1 ? "invalid argument" : code == 500 ? "named symbol not found" : "another error";
    return 0;
}

int aoti_torch_get_current_cuda_stream(int device, void** stream)
{
    if (device != 1) return 1;
    *stream = (void*)0x5000;
    return 0;
}
}
