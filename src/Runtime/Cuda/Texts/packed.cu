// A weight [out, in] in 32-bit words of 32 / BITS codes each (PackedWeight): words come in blocks of sixteen, and word
// j of a block holds columns j, j + 16, j + 32, ... of the block from its lowest bits up. A code is u + 2^(BITS - 1),
// and a level p = factor u + added. ENTRY is the type of numbers: float, bf16 or f16.
//
// Bytes an entry: packed_levels BITS / 8 + 1, packed_values BITS / 8 + 4 or 2, packed_product BITS / 8.
#include "marrow.cuh"

#define WORDS 16
#define CODES (32 / BITS)

// How many words of a row, which are neighbors, a thread takes at once, and how many rows of the weight a warp.
#define OWN_WORDS 4
#define OUTPUTS 2

template <> __device__ __forceinline__ i8 narrow<i8>(float value) { return (i8)(int)value; }

// u of a code: its bits are the last ones of 2^23, and what is taken off is 2^23 and what was added to u.
static __device__ __forceinline__ float packed_level(unsigned word, int place)
{
    unsigned code = word >> BITS * place & (1u << BITS) - 1;
    return __uint_as_float(0x4b000000u | code) - (8388608.f + (1 << (BITS - 1)));
}

// values = scale p, [rows, columns]; levels where there is no scale. A warp takes a row.
template <typename T>
static __device__ __forceinline__ void packed_unpack(
    const unsigned* __restrict__ words, const float* __restrict__ scale, T* __restrict__ values, i64 rows, i64 columns,
    i64 row_words, float factor, float added)
{
    i64 row = warp_in_grid();
    if (row >= rows) return;
    float s = scale ? scale[row] : 1;
    for (i64 w = lane_in_warp(); w < row_words; w += 32)
    {
        unsigned word = words[row * row_words + w];
        i64 first = w / WORDS * (WORDS * CODES) + w % WORDS;
#pragma unroll
        for (int i = 0; i < CODES; i++)
        {
            i64 c = first + i * WORDS;
            if (c < columns) values[row * columns + c] = narrow<T>(s * (factor * packed_level(word, i) + added));
        }
    }
}

extern "C" __global__ void __launch_bounds__(256) packed_levels(
    const unsigned* words, i8* levels, i64 rows, i64 columns, i64 row_words, float factor, float added)
{
    packed_unpack(words, (const float*)0, levels, rows, columns, row_words, factor, added);
}

extern "C" __global__ void __launch_bounds__(256) packed_values(
    const unsigned* words, const float* scale, ENTRY* values, i64 rows, i64 columns, i64 row_words, float factor,
    float added)
{
    packed_unpack(words, scale, values, rows, columns, row_words, factor, added);
}

// Four neighbors from c on; zeros beyond the end.
template <typename T>
static __device__ __forceinline__ Pack<T, OWN_WORDS> packed_four(const T* row, i64 c, i64 columns, bool packs)
{
    if (packs && c < columns) return *(const Pack<T, OWN_WORDS>*)(row + c);
    Pack<T, OWN_WORDS> entries = {};
#pragma unroll
    for (int i = 0; i < OWN_WORDS; i++)
        if (c + i < columns) entries.at[i] = row[c + i];
    return entries;
}

// y = x w^T + bias for a few rows, y[r, o] = scale_o (factor sum_k x_k u_k + added sum_k x_k) + bias_o: each word is
// read once. A warp takes two outputs of all rows.
//
//   x         [ROWS, columns]
//   scale     [outputs]; bias likewise, or null
//   y         [ROWS, outputs]
template <int ROWS>
static __device__ __forceinline__ void packed_product(
    const unsigned* __restrict__ words, const float* __restrict__ scale, const ENTRY* __restrict__ x,
    const float* __restrict__ bias, ENTRY* __restrict__ y, i64 outputs, i64 columns, i64 row_words, float factor,
    float added)
{
    i64 first = warp_in_grid() * OUTPUTS;
    if (first >= outputs) return;
    float sums[OUTPUTS][ROWS] = {}, x_sums[ROWS] = {};
    bool word_packs = (unsigned long long)words % sizeof(Pack<unsigned, OWN_WORDS>) == 0;
    bool x_packs = columns % OWN_WORDS == 0 && (unsigned long long)x % sizeof(Pack<ENTRY, OWN_WORDS>) == 0;
    for (i64 w = lane_in_warp() * OWN_WORDS; w < row_words; w += 32 * OWN_WORDS)
    {
        Pack<unsigned, OWN_WORDS> own[OUTPUTS];
#pragma unroll
        for (int o = 0; o < OUTPUTS; o++)
            own[o] = packed_four(words + (first + o) * row_words, w, first + o < outputs ? row_words : 0, word_packs);
        i64 begin = w / WORDS * (WORDS * CODES) + w % WORDS;
#pragma unroll 2
        for (int i = 0; i < CODES; i++)
#pragma unroll
            for (int r = 0; r < ROWS; r++)
            {
                Pack<ENTRY, OWN_WORDS> entries = packed_four(x + r * columns, begin + i * WORDS, columns, x_packs);
#pragma unroll
                for (int j = 0; j < OWN_WORDS; j++)
                {
                    float entry = wide(entries.at[j]);
                    x_sums[r] += entry;
#pragma unroll
                    for (int o = 0; o < OUTPUTS; o++) sums[o][r] += entry * packed_level(own[o].at[j], i);
                }
            }
    }
#pragma unroll
    for (int r = 0; r < ROWS; r++)
    {
        float x_sum = lane_sum<32>(x_sums[r]);
#pragma unroll
        for (int o = 0; o < OUTPUTS; o++)
        {
            float sum = lane_sum<32>(sums[o][r]);
            if (lane_in_warp() != 0 || first + o >= outputs) continue;
            sum = scale[first + o] * (factor * sum + added * x_sum);
            y[r * outputs + first + o] = narrow<ENTRY>(bias ? sum + bias[first + o] : sum);
        }
    }
}

extern "C" __global__ void __launch_bounds__(256) packed_product_1(
    const unsigned* words, const float* scale, const ENTRY* x, const float* bias, ENTRY* y, i64 outputs, i64 columns,
    i64 row_words, float factor, float added)
{
    packed_product<1>(words, scale, x, bias, y, outputs, columns, row_words, factor, added);
}

extern "C" __global__ void __launch_bounds__(256) packed_product_2(
    const unsigned* words, const float* scale, const ENTRY* x, const float* bias, ENTRY* y, i64 outputs, i64 columns,
    i64 row_words, float factor, float added)
{
    packed_product<2>(words, scale, x, bias, y, outputs, columns, row_words, factor, added);
}

extern "C" __global__ void __launch_bounds__(256) packed_product_3(
    const unsigned* words, const float* scale, const ENTRY* x, const float* bias, ENTRY* y, i64 outputs, i64 columns,
    i64 row_words, float factor, float added)
{
    packed_product<3>(words, scale, x, bias, y, outputs, columns, row_words, factor, added);
}

extern "C" __global__ void __launch_bounds__(256) packed_product_4(
    const unsigned* words, const float* scale, const ENTRY* x, const float* bias, ENTRY* y, i64 outputs, i64 columns,
    i64 row_words, float factor, float added)
{
    packed_product<4>(words, scale, x, bias, y, outputs, columns, row_words, factor, added);
}
