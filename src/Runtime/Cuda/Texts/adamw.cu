// AdamW (arXiv 1711.05101) over all parameters at once. ENTRY is the type of parameters and gradients: float, bf16 or
// f16.
//
//   m = beta1 m + (1 - beta1) g    v = beta2 v + (1 - beta2) g^2    w = kept w - size m / (sqrt(v) / root + eps)
//
// with what the step's number and rate make of it in kept, size and root. A parameter of 16 bits is the rounding of its
// master, which moves in its place; an entry that is no such rounding was set by somebody else, and the master takes
// it over. Frozen entries stay. 28 bytes an entry of 32 bits, 30 of 16.
#include "marrow.cuh"

// CHUNK entries of a parameter are a thread block's.
#define CHUNK 16384

struct Parameter
{
    ENTRY* value;
    const ENTRY* gradient;
    float *mean, *square, *master; // the last is null in 32 bits
    const i8* frozen;              // or null
    i64 count, first;              // entries; the first of its thread blocks
    float kept, size;
};

static __device__ __forceinline__ bool is_whole(const void* address)
{
    return !address || (unsigned long long)address % 16 == 0;
}

extern "C" __global__ void __launch_bounds__(256) adamw(
    const Parameter* __restrict__ parameters, int count, float beta1, float beta2, float root, float eps)
{
    int own = 0, last = count - 1;
    while (own < last) // the last parameter whose blocks begin no later than this one
    {
        int middle = (own + last + 1) / 2;
        if (parameters[middle].first <= blockIdx.x) own = middle;
        else last = middle - 1;
    }
    Parameter p = parameters[own];
    i64 start = (blockIdx.x - p.first) * CHUNK, end = p.count - start < CHUNK ? p.count : start + CHUNK;
    bool are_whole = is_whole(p.value) && is_whole(p.gradient) && is_whole(p.mean) && is_whole(p.square)
        && is_whole(p.master) && is_whole(p.frozen);
    for (i64 c = start + threadIdx.x * ENTRIES; c < end; c += 256 * ENTRIES)
    {
        bool packs = are_whole && c + ENTRIES <= end;
        Pack<ENTRY, ENTRIES> values = load(p.value, c, end, packs), gradients = load(p.gradient, c, end, packs);
        Pack<float, ENTRIES> means = load(p.mean, c, end, packs), squares = load(p.square, c, end, packs), masters;
        Pack<i8, ENTRIES> frozen = {};
        if (p.master) masters = load(p.master, c, end, packs);
        if (p.frozen) frozen = load(p.frozen, c, end, packs);
#pragma unroll
        for (int i = 0; i < ENTRIES; i++)
        {
            float w = wide(values.at[i]), g = wide(gradients.at[i]), m = means.at[i], v = squares.at[i];
            if (p.master && wide(narrow<ENTRY>(masters.at[i])) == w) w = masters.at[i];
            means.at[i] = m = m * beta1 + g * (1 - beta1);
            squares.at[i] = v = v * beta2 + g * g * (1 - beta2);
            if (!frozen.at[i]) w = w * p.kept - m * p.size / (sqrtf(v) / root + eps);
            masters.at[i] = w;
            values.at[i] = narrow<ENTRY>(w);
        }
        store(p.value, c, end, packs, values);
        store(p.mean, c, end, packs, means);
        store(p.square, c, end, packs, squares);
        if (p.master) store(p.master, c, end, packs, masters);
    }
}
