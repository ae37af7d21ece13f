namespace Marrow.Models;

/// <summary>Random numbers that depend on nothing but what they are for, whatever thread draws them.</summary>
internal static class Seeds
{
    /// <summary>A generator for one item.</summary>
    /// <param name="seed">The run's seed.</param>
    /// <param name="epoch">The epoch.</param>
    /// <param name="index">The item, or 0 for the epoch as a whole.</param>
    public static Random Random(ulong seed, ulong epoch, ulong index = 0) =>
        new((int)Mix(Mix(Mix(seed) ^ epoch) ^ index));

    /// <summary>The finalizer of SplitMix64.</summary>
    private static ulong Mix(ulong value)
    {
        value += 0x9e3779b97f4a7c15;
        value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
        value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
        return value ^ (value >> 31);
    }
}
