using TorchSharp;
using static TorchSharp.torch;

namespace Marrow.Autograd;

/// <summary>
/// The random numbers that a computation draws, on the CPU and on the device that it is on. TorchSharp gives no state
/// of a CUDA generator; it is seeded anew from the CPU's instead, so that the CPU's state decides both.
/// </summary>
internal static class RandomState
{
    /// <summary>Begins a computation; the state with which <see cref="Again"/> draws the same numbers.</summary>
    public static Tensor Start(Device device)
    {
        var state = get_rng_state();
        Seed(device);
        return state;
    }

    /// <summary>Runs a computation with the numbers of an earlier one; what is drawn later is not changed.</summary>
    public static T Again<T>(Tensor state, Device device, Func<T> computation)
    {
        using var later = get_rng_state();
        set_rng_state(state);
        try
        {
            Seed(device);
            return computation();
        }
        finally
        {
            set_rng_state(later);
            Seed(device);
        }
    }

    /// <summary>Seeds a CUDA device's generator from the CPU's; without effect on the CPU.</summary>
    public static void Seed(Device device)
    {
        if (device.type == DeviceType.CUDA)
        {
            using var seed = randint(int.MaxValue, [1], dtype: ScalarType.Int64);
            cuda.manual_seed_all(seed.item<long>());
        }
    }
}
