using TorchSharp;
using static TorchSharp.torch;

namespace Marrow.Layers;

/// <summary>Starting values of parameters. On the meta device they are shapes only.</summary>
internal static class Initial
{
    /// <summary>Normal with mean zero.</summary>
    public static Tensor Normal(long[] sizes, double std, ScalarType dtype, Device device) =>
        Filled(sizes, dtype, device, tensor => nn.init.normal_(tensor, 0, std));

    /// <summary>Uniform in ±<paramref name="bound"/>; zeros for a bound of 0, which draw no random numbers.</summary>
    public static Tensor Uniform(long[] sizes, double bound, ScalarType dtype, Device device) => bound == 0
        ? zeros(sizes, dtype: dtype, device: device)
        : Filled(sizes, dtype, device, tensor => nn.init.uniform_(tensor, -bound, bound));

    private static Tensor Filled(long[] sizes, ScalarType dtype, Device device, Action<Tensor> fill)
    {
        var tensor = empty(sizes, dtype: dtype, device: device);
        if (device.type != DeviceType.META)
        {
            using var noGrad = no_grad();
            fill(tensor);
        }

        return tensor;
    }
}
