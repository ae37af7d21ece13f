namespace Marrow;

/// <summary>A CUDA device as its driver describes it; <see cref="Devices.Status"/>.</summary>
/// <param name="Name">As NVIDIA names it.</param>
/// <param name="UsedBytes">Memory that is taken, by whomever. libtorch keeps what it once had.</param>
/// <param name="TotalBytes">Memory that there is.</param>
public readonly record struct DeviceStatus(string Name, long UsedBytes, long TotalBytes);
