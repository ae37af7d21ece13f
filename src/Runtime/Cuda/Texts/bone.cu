// Bone's row form (arXiv 2409.15371): a weight W in BLOCK × BLOCK blocks W[o,i], one trainable block B[o] for each row
// of them. ENTRY is the type of all, bf16 or f16; BLOCK a multiple of 16 up to 128.
//
//   w, adapted    [rows * BLOCK, shards * BLOCK]
//   block         [rows, BLOCK, BLOCK]
//
// Products are by tensor cores (mma), sums in float32. An mma has the lane 4g + c hold parts of rows g and of columns
// 2c, 2c + 1; which row or column of a matrix that is is free, where both factors mean the same one by a number. So
// each lane takes neighboring columns of memory for its own, and nothing is exchanged. W begins at 16 bytes.
#include "marrow.cuh"

#define OUTER (lane_in_warp() / 4) // g
#define INNER (lane_in_warp() % 4) // c

typedef Pack<u32, 2> Words;

static __device__ __forceinline__ u32 word_of(ENTRY low, ENTRY high) { return low.bits | (u32)high.bits << 16; }

static __device__ __forceinline__ float half_of(u32 word, int high)
{
    ENTRY entry;
    entry.bits = (unsigned short)(word >> 16 * high);
    return wide(entry);
}

// Neighboring columns of a lane, and how many words of two there are in a lane's share of BLOCK columns.
#define NEIGHBORS (BLOCK % 32 == 0 ? 8 : 4)
#define WORDS (BLOCK / 8)

// The first column of a word of lane c.
static __device__ __forceinline__ int column_of(int c, int word)
{
    return word * 2 / NEIGHBORS * NEIGHBORS * 4 + c * NEIGHBORS + word * 2 % NEIGHBORS;
}

// Neighboring words of a row.
typedef Pack<u32, NEIGHBORS / 2> Share;

static __device__ __forceinline__ Share load_share(const ENTRY* row, int word)
{
    return *(const Share*)(row + column_of(INNER, word));
}

// W'[o,i] = W[o,i] (I + B[o]) + B[o], rounded once; 4 bytes an entry, W read once and W' written once.
//
// `parts` thread blocks take a row of blocks, with a warp for each 16 rows. B[o] lies in shared memory as the mma takes
// it: [step of 16 rows of B, tile of 8 columns, lane].
extern "C" __global__ void __launch_bounds__(BLOCK * 2, 1) bone_adapt(
    const ENTRY* __restrict__ w, const ENTRY* __restrict__ block, ENTRY* __restrict__ adapted, i64 shards, int parts)
{
    __shared__ Words right[BLOCK / 16][WORDS][32];
    i64 o = blockIdx.x / parts;
    block += o * BLOCK * BLOCK;
    for (int n = threadIdx.x; n < BLOCK / 16 * WORDS * 32; n += BLOCK * 2)
    {
        int lane = n % 32, tile = n / 32 % WORDS, step = n / 32 / WORDS;
        const ENTRY* column = block + column_of(lane / 8, tile) + lane / 4 % 2;
#pragma unroll
        for (int p = 0; p < 2; p++)
        {
            int k = column_of(lane % 4, step * 2 + p);
            right[step][tile][lane].at[p] = word_of(column[k * BLOCK], column[(k + 1) * BLOCK]);
        }
    }
    i64 row = threadIdx.x / 32 * 16 + OUTER, width = shards * BLOCK;
    __syncthreads(); // all of B is there
    for (i64 i = blockIdx.x % parts; i < shards; i += parts)
    {
        i64 at = (o * BLOCK + row) * width + i * BLOCK;
        u32 left[2][WORDS];
#pragma unroll
        for (int n = 0; n < WORDS; n += NEIGHBORS / 2)
#pragma unroll
            for (int r = 0; r < 2; r++)
            {
                Share share = load_share(w + at + r * 8 * width, n);
#pragma unroll
                for (int l = 0; l < NEIGHBORS / 2; l++) left[r][n + l] = share.at[l];
            }
#pragma unroll
        for (int n = 0; n < WORDS; n += NEIGHBORS / 2)
        {
            Share own[2], results[2]; // B[o] where the results are; from the cache
#pragma unroll
            for (int r = 0; r < 2; r++) own[r] = load_share(block + (row + r * 8) * BLOCK, n);
#pragma unroll
            for (int l = 0; l < NEIGHBORS / 2; l++)
            {
                int tile = n + l;
                float sums[4];
#pragma unroll
                for (int e = 0; e < 4; e++)
                    sums[e] = half_of(left[e / 2][tile], e % 2) + half_of(own[e / 2].at[l], e % 2);
#pragma unroll
                for (int step = 0; step < BLOCK / 16; step++)
                {
                    u32 a[4] = {left[0][step * 2], left[1][step * 2], left[0][step * 2 + 1], left[1][step * 2 + 1]};
                    Words b = right[step][tile][lane_in_warp()];
                    mma<ENTRY>(sums, a, b.at);
                }
#pragma unroll
                for (int r = 0; r < 2; r++)
                    results[r].at[l] = word_of(narrow<ENTRY>(sums[r * 2]), narrow<ENTRY>(sums[r * 2 + 1]));
            }
#pragma unroll
            for (int r = 0; r < 2; r++)
                *(Share*)(adapted + at + r * 8 * width + column_of(INNER, n)) = results[r];
        }
    }
}

// The part of a block's gradient that a warp makes, and a lane's columns of it.
#define TILE (BLOCK % 32 == 0 ? 32 : 16)
#define TILES (BLOCK / TILE)
#define OWN (TILE / 8)

// dB[o] = sum over i of W[o,i]' G[o,i] + G[o,i], where g is as w; 4 bytes an entry of W, or 2 where G is in the cache.
//
// `parts` thread blocks take a row of blocks, with a warp for each tile of the gradient; what they read of both is the
// same and comes once. They leave float32 sums in gradients [rows, parts, BLOCK, BLOCK]. A lane makes (G' W)[n, k] for
// its OWN columns n of G and 2 OWN columns k of W. It reads rows of G by the same numbers k, so that what G adds is in
// its own registers.
extern "C" __global__ void __launch_bounds__(TILES * TILES * 32) bone_gradient(
    const ENTRY* __restrict__ w, const ENTRY* __restrict__ g, float* __restrict__ gradients, i64 shards, int parts)
{
    int part = blockIdx.x % parts, w_tile = threadIdx.x / 32 / TILES, g_tile = threadIdx.x / 32 % TILES;
    i64 o = blockIdx.x / parts, width = shards * BLOCK;
    w += o * BLOCK * width + w_tile * TILE + OUTER * OWN;
    g += o * BLOCK * width + g_tile * TILE + OUTER * OWN;
    float sums[OWN / 2][OWN][4] = {};
    for (i64 i = part; i < shards; i += parts)
        for (int row_tile = 0; row_tile < TILES; row_tile++)
#pragma unroll
            for (int step = 0; step < TILE / 16; step++)
            {
                Pack<ENTRY, OWN> of_w[4], of_g[4];
#pragma unroll
                for (int j = 0; j < 4; j++)
                {
                    i64 at = (row_tile * TILE + INNER * OWN * 2 + step * 4 + j) * width + i * BLOCK;
                    of_w[j] = *(const Pack<ENTRY, OWN>*)(w + at);
                    of_g[j] = *(const Pack<ENTRY, OWN>*)(g + at);
                }
#pragma unroll
                for (int m = 0; m < OWN / 2; m++)
                {
                    u32 a[4];
#pragma unroll
                    for (int p = 0; p < 4; p++)
                        a[p] = word_of(of_g[p / 2 * 2].at[m * 2 + p % 2], of_g[p / 2 * 2 + 1].at[m * 2 + p % 2]);
#pragma unroll
                    for (int n = 0; n < OWN; n++)
                    {
                        u32 b[2] = {word_of(of_w[0].at[n], of_w[1].at[n]), word_of(of_w[2].at[n], of_w[3].at[n])};
                        mma<ENTRY>(sums[m][n], a, b);
                    }
                }
                if (row_tile == w_tile)
#pragma unroll
                    for (int j = 0; j < 4; j++)
#pragma unroll
                        for (int n = 0; n < OWN; n++)
                        {
                            int k = step * 4 + j;
                            sums[n / 2][k % OWN][n % 2 * 2 + k / OWN] += wide(of_g[j].at[n]);
                        }
            }
    gradients += ((o * parts + part) * BLOCK + w_tile * TILE + INNER * OWN * 2) * BLOCK + g_tile * TILE + OUTER * OWN;
#pragma unroll
    for (int k = 0; k < OWN * 2; k++)
#pragma unroll
        for (int n = 0; n < OWN; n++) gradients[k * BLOCK + n] = sums[n / 2][k % OWN][n % 2 * 2 + k / OWN];
}
