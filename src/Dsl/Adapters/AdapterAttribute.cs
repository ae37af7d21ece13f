namespace Marrow;

/// <summary>
/// The options that all adapters have. On a class of a model, or given to <c>AddAdapter</c> at run time, they say which
/// layers are adapted and what is trained beside them.
/// </summary>
public abstract class AdapterAttribute : Attribute
{
    private protected AdapterAttribute()
    {
    }

    /// <summary>
    /// Patterns over layer names, joined by <c>|</c>. All linear layers but output heads (<see cref="HeadAttribute"/>)
    /// if not given.
    /// </summary>
    public string? Targets { get; set; }

    /// <summary>Patterns of layers that are left out of those. None if not given.</summary>
    public string? Exclude { get; set; }

    /// <summary>
    /// Patterns of layers or blocks that are trained whole beside the adapters, as a new classifier is; PEFT's
    /// <c>modules_to_save</c>. None if not given; see also <see cref="TrainAttribute"/>.
    /// </summary>
    public string? Train { get; set; }

    /// <summary>
    /// On a class: which biases are trained beside the adapters; PEFT's <c>bias</c>. None if not given.
    /// </summary>
    public AdapterBias Bias { get; set; }
}
