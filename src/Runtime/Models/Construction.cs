using static TorchSharp.torch;

namespace Marrow;

/// <summary>
/// Where models are built and in which type: <c>using (Construction.On(META)) model = new Llama2Bone();</c> makes
/// shapes only, <c>Construction.On(CUDA, ScalarType.BFloat16)</c> a model that never exists elsewhere. Without it,
/// TorchSharp's default device and type hold.
/// </summary>
public sealed class Construction : IDisposable
{
    [ThreadStatic]
    private static Construction? current;

    private readonly Construction? outer;
    private readonly Device? device;
    private readonly ScalarType? dtype;

    private Construction(Device? device, ScalarType? dtype)
    {
        (this.device, this.dtype) = (device, dtype);
        outer = current;
        current = this;
    }

    internal static bool IsDefault => current is null;

    internal static Device Device => current?.device ?? get_default_device();

    internal static ScalarType Dtype => current?.dtype ?? get_default_dtype();

    /// <summary>Models built on this thread until the result is disposed get this device and type.</summary>
    /// <param name="device">The device; null for the default one.</param>
    /// <param name="dtype">A floating-point type; null for the default one.</param>
    /// <returns>What ends it.</returns>
    public static IDisposable On(Device? device = null, ScalarType? dtype = null) => new Construction(device, dtype);

    /// <inheritdoc/>
    public void Dispose() => current = outer;
}
