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

    /// <summary>Makes uniform values in ±<paramref name="bound"/> from sizes, type and device.</summary>
    public static Func<long[], ScalarType, Device, Tensor> Uniform(double bound) =>
        (sizes, dtype, device) => Uniform(sizes, bound, dtype, device);

    /// <summary>As an attribute says.</summary>
    /// <exception cref="ArgumentException">The deviation is negative or not finite, or a tensor has no
    /// fans.</exception>
    public static Tensor Of(Initialization init, long[] sizes, ScalarType dtype, Device device)
    {
        if (init.Kind == ParameterInit.Normal && init.Std is not (>= 0 and < double.PositiveInfinity))
        {
            throw new ArgumentException($"Std {init.Std} is not a finite number from 0 on.");
        }

        if (init.Kind >= ParameterInit.XavierUniform && sizes.Length < 2)
        {
            throw new ArgumentException(
                $"Init {init.Kind} needs a tensor of two dimensions or more, not [{string.Join(", ", sizes)}].");
        }

        return init.Kind switch
        {
            ParameterInit.Ones => ones(sizes, dtype: dtype, device: device),
            ParameterInit.Normal => Normal(sizes, init.Std, dtype, device),
            ParameterInit.XavierUniform => Filled(sizes, dtype, device, tensor => nn.init.xavier_uniform_(tensor)),
            ParameterInit.XavierNormal => Filled(sizes, dtype, device, tensor => nn.init.xavier_normal_(tensor)),
            ParameterInit.KaimingUniform => Filled(sizes, dtype, device, tensor => nn.init.kaiming_uniform_(tensor)),
            ParameterInit.KaimingNormal => Filled(sizes, dtype, device, tensor => nn.init.kaiming_normal_(tensor)),
            _ => zeros(sizes, dtype: dtype, device: device),
        };
    }

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
