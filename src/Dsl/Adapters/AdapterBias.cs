namespace Marrow;

/// <summary>Which biases are trained beside a model's adapters.</summary>
public enum AdapterBias
{
    /// <summary>None.</summary>
    None,

    /// <summary>All of the model: every parameter whose name contains <c>bias</c>, as in PEFT.</summary>
    All,

    /// <summary>Those of the adapted layers.</summary>
    Adapted,
}
