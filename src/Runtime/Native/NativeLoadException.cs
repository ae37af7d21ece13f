namespace Marrow.Native;

/// <summary>A native library cannot be loaded. The message is complete: what, why, and what to do.</summary>
internal sealed class NativeLoadException(string what, string why, string remedy)
    : Exception($"Marrow: {what}\n  why: {why}\n  what to do: {remedy}");
