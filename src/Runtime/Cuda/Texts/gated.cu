// What a gated MLP puts between its layers (arXiv 2002.05202): y = a(gate) up. ENTRY is the type of all: float, bf16 or
// f16; GATE says a: 0 for silu, x sigmoid(x); 1 for GELU by tanh.
//
//   gate, up               [rows, columns], each with a stride of its rows
//   y, dy, dgate, dup      [rows, columns]
//
// 6 bytes an entry of 16 bits forward and 10 backward. As in the plain formula a(gate) is rounded to its type. A thread
// takes a pack of entries.
#include "marrow.cuh"

// a(x), and its slope.
static __device__ __forceinline__ float activation(float x, float& slope)
{
#if GATE == 0
    float s = 1 / (1 + expf(-x));
    slope = s * (1 + x * (1 - s));
    return x * s;
#else
    const float b = 0.79788456080286536f, k = 0.044715f; // sqrt(2 / pi)
    float t = tanhf(b * (x + k * x * x * x));
    slope = 0.5f * (1 + t) + 0.5f * x * (1 - t * t) * b * (1 + 3 * k * x * x);
    return 0.5f * x * (1 + t);
#endif
}

// The row and first column of this thread's pack; false beyond the last.
static __device__ __forceinline__ bool find_pack(i64 rows, i64 columns, i64& row, i64& c)
{
    i64 packs = (columns + ENTRIES - 1) / ENTRIES, n = (i64)blockIdx.x * blockDim.x + threadIdx.x;
    row = n / packs;
    c = n % packs * ENTRIES;
    return row < rows;
}

// Whether rows at a stride begin at packs.
static __device__ __forceinline__ bool has_packs_at(const ENTRY* rows, i64 columns, i64 stride)
{
    return has_packs(rows, columns) && stride % ENTRIES == 0;
}

extern "C" __global__ void __launch_bounds__(256) gated_forward(
    const ENTRY* __restrict__ gate, const ENTRY* __restrict__ up, ENTRY* __restrict__ y, i64 rows, i64 columns,
    i64 gate_stride, i64 up_stride)
{
    i64 row, c;
    if (!find_pack(rows, columns, row, c)) return;
    Pack<ENTRY, ENTRIES> g = load(gate + row * gate_stride, c, columns, has_packs_at(gate, columns, gate_stride));
    Pack<ENTRY, ENTRIES> u = load(up + row * up_stride, c, columns, has_packs_at(up, columns, up_stride)), result;
#pragma unroll
    for (int i = 0; i < ENTRIES; i++)
    {
        float slope, a = wide(narrow<ENTRY>(activation(wide(g.at[i]), slope)));
        result.at[i] = narrow<ENTRY>(a * wide(u.at[i]));
    }
    store(y + row * columns, c, columns, has_packs(y, columns), result);
}

extern "C" __global__ void __launch_bounds__(256) gated_backward(
    const ENTRY* __restrict__ dy, const ENTRY* __restrict__ gate, const ENTRY* __restrict__ up,
    ENTRY* __restrict__ dgate, ENTRY* __restrict__ dup, i64 rows, i64 columns, i64 gate_stride, i64 up_stride)
{
    i64 row, c;
    if (!find_pack(rows, columns, row, c)) return;
    Pack<ENTRY, ENTRIES> g = load(gate + row * gate_stride, c, columns, has_packs_at(gate, columns, gate_stride));
    Pack<ENTRY, ENTRIES> u = load(up + row * up_stride, c, columns, has_packs_at(up, columns, up_stride));
    Pack<ENTRY, ENTRIES> d = load(dy + row * columns, c, columns, has_packs(dy, columns)), of_gate, of_up;
#pragma unroll
    for (int i = 0; i < ENTRIES; i++)
    {
        float slope, a = wide(narrow<ENTRY>(activation(wide(g.at[i]), slope)));
        of_gate.at[i] = narrow<ENTRY>(wide(d.at[i]) * wide(u.at[i]) * slope);
        of_up.at[i] = narrow<ENTRY>(wide(d.at[i]) * a);
    }
    store(dgate + row * columns, c, columns, has_packs(dgate, columns), of_gate);
    store(dup + row * columns, c, columns, has_packs(dup, columns), of_up);
}
